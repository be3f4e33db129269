/** Decodes files strictly, and tells which picture of one is which of another. */
import { expect } from 'bun:test'
import { join } from 'node:path'
import { tempFolder } from '../support/temp-folder.ts'

const [WIDTH, HEIGHT] = [64, 36]
const PICTURE_BYTES = WIDTH * HEIGHT

export interface Decoded {
  /** Small, grey; in the order in which they are shown. */
  readonly pictures: readonly Uint8Array[]
  /** When each is shown, seconds. */
  readonly times: readonly number[]
  /** When each frame of sound is heard. */
  readonly sounds: readonly number[]
}

/** Any complaint of ffmpeg fails, but for its parser's, which knows one sample entry only. */
export async function decodeFile(file: Uint8Array): Promise<Decoded> {
  await using folder = await tempFolder()
  const path = join(folder.path, 'file.mp4')
  await Bun.write(path, file)
  const input = ['ffmpeg', '-v', 'error', '-nostdin', '-xerror', '-i', path]
  const scaled = ['-vf', `scale=${WIDTH}:${HEIGHT},format=gray`, '-fps_mode', 'passthrough']
  const raw = await output([...input, '-map', '0:v', ...scaled, '-f', 'rawvideo', 'pipe:1'])
  const pictures = Array.from({ length: raw.byteLength / PICTURE_BYTES }, (_, index) =>
    raw.subarray(index * PICTURE_BYTES, (index + 1) * PICTURE_BYTES),
  )
  const shown = ['-show_entries', 'frame=media_type,pts_time', '-show_frames', '-of', 'json']
  const { frames } = JSON.parse(
    new TextDecoder().decode(await output(['ffprobe', '-v', 'error', '-i', path, ...shown])),
  ) as { frames: { media_type: string; pts_time: string }[] }
  const timesOf = (kind: string) =>
    frames.filter(frame => frame.media_type === kind).map(frame => Number(frame.pts_time))
  const [times, sounds] = [timesOf('video'), timesOf('audio')]
  expect(times).toHaveLength(pictures.length)
  return { pictures, times, sounds }
}

/** The picture among `all` that each one looks most like. */
export function indexesIn(all: readonly Uint8Array[], pictures: readonly Uint8Array[]): number[] {
  return pictures.map(picture => {
    const distances = all.map(each => distance(each, picture))
    return distances.indexOf(Math.min(...distances))
  })
}

function distance(left: Uint8Array, right: Uint8Array): number {
  let sum = 0
  for (let index = 0; index < left.byteLength; index++) sum += Math.abs(left[index]! - right[index]!)
  return sum
}

async function output(command: readonly string[]): Promise<Uint8Array> {
  const child = Bun.spawn([...command], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [bytes, words] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
  ])
  expect(await child.exited, words).toBe(0)
  const complaints = words.split('\n').filter(line => !/^\[NULL @|^ {4}Last message repeated|^$/.test(line))
  expect(complaints).toEqual([])
  return bytes
}
