/** Finds what a channel's streams have become, and looks at every picture of it. */
import { CELL_PX, COLUMNS, ROWS, readStamp, type Stamp } from '../support/barcode.ts'
import type { Sluice, TestChannel } from '../support/sluice.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** The channel's newest VOD, when it can be played. */
export async function newestVod({ client, slug }: Pick<TestChannel, 'client' | 'slug'>, timeoutMs = 30_000) {
  return waitFor(
    async () => {
      const { items } = await client.vods.list.query({ slug })
      return items[0]?.status === 'ready' && items[0]
    },
    { message: 'the VOD to be ready', timeoutMs },
  )
}

export function vodUrl({ url }: Sluice, id: string): string {
  return `${url}/vod/${id}/index.m3u8`
}

/** What a strict ffmpeg decodes; throws with its first complaint. */
export async function decodeAll(url: string): Promise<{ frames: number; seconds: number }> {
  const args = ['-v', 'error', '-xerror', '-nostdin', '-i', url, '-map', '0:v:0', '-map', '0:a:0?']
  const output = ['-fps_mode', 'passthrough', '-f', 'null', '-progress', 'pipe:1', '-']
  const { stdout } = await run([...args, ...output])
  const last = (name: string) => [...stdout.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].at(-1)?.[1]
  return { frames: Number(last('frame')), seconds: Number(last('out_time_us')) / 1e6 }
}

/** The stamps of all pictures, in their order; `width`: of the picture as it was published. */
export async function readStamps(url: string): Promise<(Stamp | undefined)[]> {
  const [width, height] = [COLUMNS * CELL_PX, ROWS * CELL_PX]
  // One pixel a cell: the mean of it.
  const filter = `crop=${width}:${height}:0:0,scale=${COLUMNS}:${ROWS}:flags=area,format=gray`
  const output = ['-map', '0:v:0', '-vf', filter, '-fps_mode', 'passthrough', '-f', 'rawvideo', 'pipe:1']
  const { bytes } = await run(['-v', 'error', '-xerror', '-nostdin', '-i', url, ...output])
  const size = COLUMNS * ROWS
  return Array.from({ length: Math.floor(bytes.byteLength / size) }, (_, index) =>
    readStamp((column, row) => bytes[index * size + row * COLUMNS + column]!),
  )
}

/**
 * The same of HLS: what lies between two discontinuities is decoded by itself, as ffmpeg leaves out pictures where the
 * time begins anew.
 */
export async function readHlsStamps(folder: string): Promise<(Stamp | undefined)[]> {
  const playlist = await (await fetch(`${folder}/playlist.m3u8`)).text()
  const stamps: (Stamp | undefined)[] = []
  await using temp = await tempFolder()
  for (const [index, part] of playlist.split('#EXT-X-DISCONTINUITY\n').entries()) {
    const names = [...part.matchAll(/URI="(init[^"]+)"|^(\d+\.m4s)$/gm)].map(match => match[1] ?? match[2]!)
    const files = await Promise.all(names.map(async name => (await fetch(`${folder}/${name}`)).bytes()))
    const path = `${temp.path}/${index}.mp4`
    await Bun.write(path, Buffer.concat(files))
    stamps.push(...(await readStamps(path)))
  }
  return stamps
}

async function run(args: readonly string[]): Promise<{ stdout: string; bytes: Uint8Array }> {
  const child = Bun.spawn(['ffmpeg', ...args], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [bytes, stderr] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
  ])
  if ((await child.exited) !== 0 || stderr) throw new Error(`ffmpeg complains: ${stderr || 'it failed'}`)
  return { stdout: new TextDecoder().decode(bytes), bytes }
}
