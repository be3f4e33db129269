import { expect, test } from 'bun:test'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { freePort } from './free-port.ts'
import { encodeFile, type Publisher, publish } from './publisher.ts'

/** What ffprobe says of the tracks of an FLV file. */
async function probe(path: string): Promise<string> {
  const fields = 'stream=codec_name,width,height,has_b_frames,pix_fmt,r_frame_rate'
  return Bun.$`ffprobe -v error -show_entries ${fields} -of compact ${path}`.text()
}

async function outputOf(publisher: Publisher): Promise<Buffer> {
  return Buffer.from(await new Response(publisher.output as unknown as BodyInit).arrayBuffer())
}

test('a publisher without a server ends and says why', async () => {
  await using publisher = await publish(`rtmp://127.0.0.1:${await freePort()}/live/key`)
  const { code, stderr } = await publisher.exited
  expect(code).not.toBe(0)
  expect(stderr).toContain('Connection refused')
}, 30_000)

test('a publisher pushes in real time until its time is up, a stamp in each picture', async () => {
  await using publisher = await publish('pipe:1', { seconds: 2, stamped: true, size: '640x360' })
  const flv = await outputOf(publisher)
  expect(flv.subarray(0, 3).toString()).toBe('FLV')
  expect((await publisher.exited).code).toBe(0)
  expect(publisher.source!.timing.frames).toBeGreaterThanOrEqual(60)
}, 30_000)

test('a publisher ends when it is told to, and when it is killed', async () => {
  const kill = (publisher: Publisher) => {
    publisher.kill('SIGKILL')
    return publisher.exited
  }
  for (const end of [(publisher: Publisher) => publisher.stop(), kill]) {
    await using publisher = await publish('pipe:1', { size: '320x180' })
    await once(publisher.output!, 'data')
    await end(publisher)
    expect(existsSync(`/proc/${publisher.pid}`)).toBe(false)
  }
}, 30_000)

test('a loop is encoded as asked, once', async () => {
  const options = { size: '640x360', fps: 60, bFrames: 2 }
  const [first, second] = await Promise.all([encodeFile(options), encodeFile(options)])
  expect(second).toBe(first)
  const tracks = await probe(first)
  expect(tracks).toMatch(
    /codec_name=h264.*width=640.*height=360.*has_b_frames=2.*pix_fmt=yuv420p.*r_frame_rate=60\/1/,
  )
  expect(tracks).toContain('codec_name=aac')
}, 30_000)
