/** An upload is encoded by whichever processes do jobs, and one that dies costs the piece that it had. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { runFfmpeg } from '../support/ffmpeg-child.ts'
import { type FarmWorker, JobFarm } from '../support/job-farm.ts'
import { descendants } from '../support/process-tree.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const FPS = 30
/** Four pieces of picture, and one of sound. */
const SECONDS = 110
const PIECES = 5
/** A dead process's piece is given to another after fifteen seconds. */
const ENCODED_MS = 180_000

test('a process killed in the middle of a piece costs that piece’s retry, and the video is what one process makes', async () => {
  await using folder = await tempFolder()
  const path = join(folder.path, 'film.mp4')
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=640x360:rate=${FPS}:duration=${SECONDS}`]
  const sound = ['-f', 'lavfi', '-i', `sine=duration=${SECONDS}`]
  const encoding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '200', '-c:a', 'aac']
  await runFfmpeg([...picture, ...sound, ...encoding, path])
  await using farm = await JobFarm.open(2)
  const [doomed, survivor] = farm.workers as [FarmWorker, FarmWorker]

  const vodId = await farm.upload(path)
  await waitFor(() => farm.workers.every(isEncoding), {
    message: 'both to encode a piece',
    timeoutMs: 60_000,
    intervalMs: 10,
  })
  doomed.kill()
  await ready(farm, vodId)
  // What was done was not done again, and what the dead one had was.
  const done = [...piecesOf(doomed, vodId), ...piecesOf(survivor, vodId)]
  expect(done.toSorted()).toEqual(Array.from({ length: PIECES }, (_, index) => index))
  expect(piecesOf(doomed, vodId).length).toBeLessThan(PIECES - 1)

  const again = await farm.upload(path)
  await ready(farm, again)
  expect(piecesOf(survivor, again).length).toBe(PIECES)
  const pictures = await picturesOf(farm, vodId)
  expect(pictures.length).toBe(FPS * SECONDS)
  expect(pictures).toEqual(await picturesOf(farm, again))
}, 300_000)

/** Its ffmpeg makes pictures, rather than looks at the file. */
function isEncoding({ pid }: FarmWorker): boolean {
  return descendants(pid).some(({ command }) => command.includes('libx264'))
}

async function ready(farm: JobFarm, id: string): Promise<void> {
  await waitFor(
    async () => {
      const { status, problem } = await farm.server.client.vods.get.query({ id })
      if (status === 'failed') throw new Error(problem ?? 'it failed')
      return status === 'ready'
    },
    { message: 'the video to be ready', timeoutMs: ENCODED_MS },
  )
}

/** Of this video, those that it has finished. */
function piecesOf({ output }: FarmWorker, vodId: string): number[] {
  return output
    .split('\n')
    .filter(line => line.includes('a piece of an upload is encoded') && line.includes(vodId))
    .map(line => Number(/"?index"?[:=]\s*(-?\d+)/.exec(line)![1]))
}

/** MD5 of each picture as it is decoded. */
async function picturesOf(farm: JobFarm, vodId: string): Promise<string[]> {
  const input = ['-v', 'error', '-xerror', '-i', `${farm.server.url}/vod/${vodId}/source/playlist.m3u8`]
  const output = ['-map', '0:v:0', '-fps_mode', 'passthrough', '-f', 'framemd5', '-']
  const child = Bun.spawn(['ffmpeg', ...input, ...output], { stdout: 'pipe', stderr: 'inherit' })
  const text = await new Response(child.stdout).text()
  return text.split('\n').flatMap(line => (line.startsWith('0,') ? [line.split(',').at(-1)!.trim()] : []))
}
