import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { concatBytes } from '../../media/bytes.ts'
import { type EncodedRendition, encodeChunk } from '../../src/uploads/chunk-encoder.ts'
import { planUpload, SEGMENTS_PER_CHUNK } from '../../src/uploads/plan.ts'
import { probe } from '../../src/uploads/probe.ts'
import { encodeSound } from '../../src/uploads/sound-encoder.ts'
import { extractChunk, extractSound } from '../../src/uploads/splitter.ts'
import { decode, run } from '../hls/packaging.ts'
import { runFfmpeg } from '../support/ffmpeg-child.ts'
import { type TempFolder, tempFolder } from '../support/temp-folder.ts'

const signal = AbortSignal.timeout(120_000)
let folder: TempFolder
beforeAll(async () => {
  folder = await tempFolder()
})
afterAll(() => folder.remove())

async function film(name: string, options: readonly string[], seconds = 65): Promise<string> {
  const path = join(folder.path, name)
  const rate = options[0]!
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=${rate}:duration=${seconds}`]
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`]
  await runFfmpeg([...picture, ...sound, ...options.slice(1), path])
  return path
}

/** MD5 of each picture as it is decoded. */
async function picturesOf(media: Uint8Array): Promise<string[]> {
  const args = ['-v', 'error', '-xerror', '-i', 'pipe:0', '-fps_mode', 'passthrough', '-f', 'framemd5', '-']
  const { stdout } = await run(['ffmpeg', ...args], media)
  return stdout.split('\n').flatMap(line => (line.startsWith('0,') ? [line.split(',').at(-1)!.trim()] : []))
}

async function countPictures(path: string): Promise<number> {
  const entries = [
    '-count_frames',
    '-select_streams',
    'v:0',
    '-show_entries',
    'stream=nb_read_frames',
    '-of',
    'csv=p=0',
  ]
  const child = Bun.spawn(['ffprobe', '-v', 'error', ...entries, path])
  // A transport stream's are told twice.
  return Number.parseInt(await new Response(child.stdout).text(), 10)
}

async function encodeAll(path: string) {
  const plan = planUpload(await probe(path, signal))
  const chunks: EncodedRendition[][] = []
  for (let index = 0; index < plan.chunks; index++) {
    const work = join(folder.path, crypto.randomUUID())
    await mkdir(work)
    await extractChunk({ path, plan }, index, join(work, 'piece'), signal)
    chunks.push(
      await encodeChunk(plan, index, await Bun.file(join(work, 'piece')).bytes(), { folder: work, signal }),
    )
  }
  return { plan, chunks }
}

function mediaOf(chunks: readonly EncodedRendition[][], name: string): Uint8Array {
  const renditions = chunks.map(chunk => chunk.find(each => each.name === name)!)
  return concatBytes([
    renditions[0]!.init,
    ...renditions.flatMap(each => each.segments.map(({ data }) => data)),
  ])
}

describe('a file that is encoded in chunks', () => {
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast']
  test.each([
    { name: 'long.mp4', options: ['30', ...x264, '-bf', '2', '-g', '250', '-c:a', 'aac'] },
    { name: 'film.mkv', options: ['24000/1001', ...x264, '-bf', '3', '-g', '100', '-c:a', 'libopus'] },
    { name: 'open.ts', options: ['25', ...x264, '-g', '48', '-x264-params', 'open-gop=1', '-c:a', 'mp2'] },
    { name: 'old.mkv', options: ['25', '-c:v', 'mpeg4', '-g', '60', '-c:a', 'mp3'] },
    {
      name: 'web.webm',
      options: ['30', '-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'libvorbis'],
    },
  ])(
    'has every picture of it once, in segments that decode alone: $name',
    async ({ name, options }) => {
      const path = await film(name, options)
      const { plan, chunks } = await encodeAll(path)
      expect(plan.chunks).toBe(3)
      const media = mediaOf(chunks, 'source')
      await decode(media)
      expect((await picturesOf(media)).length).toBe(await countPictures(path))
      const segments = chunks.flatMap(chunk => chunk[0]!.segments)
      expect(segments.map(segment => segment.sequence)).toEqual(segments.map((_, index) => index))
      expect(chunks[0]![0]!.segments).toHaveLength(SEGMENTS_PER_CHUNK)
      for (const chunk of chunks) expect(chunk[0]!.init).toEqual(chunks[0]![0]!.init)
      const first = chunks[1]![0]!
      expect((await picturesOf(concatBytes([first.init, first.segments[3]!.data]))).length).toBe(
        plan.segmentFrames,
      )
    },
    60_000,
  )

  test('is the same whoever encodes which chunk', async () => {
    const path = await film('same.mp4', ['30', ...x264, '-bf', '2', '-g', '77', '-c:a', 'aac'])
    const [once, again] = [await encodeAll(path), await encodeAll(path)]
    expect(await picturesOf(mediaOf(again.chunks, 'source'))).toEqual(
      await picturesOf(mediaOf(once.chunks, 'source')),
    )
    expect(again.chunks[1]![0]!.segments[0]!.data).toEqual(once.chunks[1]![0]!.segments[0]!.data)
  }, 60_000)

  test('has sound as long as its pictures, from the first of them on', async () => {
    const path = await film('sound.mp4', ['30', ...x264, '-c:a', 'aac', '-ar', '44100', '-ac', '1'], 20)
    const plan = planUpload(await probe(path, signal))
    const target = join(folder.path, 'sound.nut')
    await extractSound(path, target, signal)
    const { init, segments } = await encodeSound(plan, await Bun.file(target).bytes(), plan.frames, signal)
    expect(segments).toHaveLength(10)
    const seconds = segments.reduce((sum, each) => sum + each.durationSeconds, 0)
    expect(Math.abs(seconds - 20)).toBeLessThan(0.03)
    for (const [index, each] of segments.entries())
      expect(Math.abs(each.startSeconds - segments[0]!.startSeconds - 2 * index)).toBeLessThan(0.03)
    await decode(concatBytes([init, ...segments.map(each => each.data)]))
  }, 30_000)
})

describe('what a file is', () => {
  test('is found out by looking into it: text with the name of a film is none, nor is sound alone', async () => {
    const text = join(folder.path, 'film.mp4')
    await Bun.write(text, '#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n')
    const sound = join(folder.path, 'sound.mp4')
    await runFfmpeg(['-f', 'lavfi', '-i', 'sine=duration=1', sound])
    const reason = (path: string) => probe(path, signal).catch(error => error.reason)
    expect(await reason(text)).toBe('upload_unreadable')
    expect(await reason(sound)).toBe('upload_no_picture')
  })

  test('a picture that was filmed upright is shown upright, and pixels are made square', async () => {
    const turned = join(folder.path, 'turned.mp4')
    const flat = await film('flat.mp4', ['25', '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac'], 3)
    await runFfmpeg(['-i', flat, '-c', 'copy', '-metadata:s:v:0', 'rotate=90', turned])
    expect(await probe(turned, signal)).toMatchObject({ width: 180, height: 320 })
    const wide = await film(
      'wide.mp4',
      ['25', '-vf', 'setsar=4/3', '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac'],
      3,
    )
    expect(await probe(wide, signal)).toMatchObject({ width: 426, height: 180 })
    const { chunks } = await encodeAll(turned)
    expect(chunks[0]![0]!.track).toMatchObject({ width: 180, height: 320 })
  }, 30_000)
})
