import { afterEach, expect, test } from 'bun:test'
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import { Broadcast } from '../../src/live/broadcast.ts'
import { createLog } from '../../src/log.ts'
import { Thumbnailer } from '../../src/recording/thumbnailer.ts'
import { type Encoded, encode } from '../hls/encoder.ts'
import { enhancedUnits } from '../support/enhanced-file.ts'
import { EVERYBODY } from '../support/everybody.ts'
import { mountMedia } from '../support/mounted-media.ts'
import { descendants } from '../support/process-tree.ts'
import { waitFor } from '../support/wait-for.ts'

const warnings: string[] = []
const log = createLog('warn', { write: line => warnings.push(JSON.parse(line).msg) })
const encoded = await encode({ seconds: 2, size: '1280x720', rate: 10, gop: 10, hasAudio: false })
const keys = encoded.units.filter(unit => unit.isKey)

/** A stream with a thumbnailer as its only output, and the routes that show its pictures. */
async function open(
  options: { intervalMs?: number; now?: () => number; source?: Encoded; slug?: string } = {},
) {
  const { intervalMs = 0, now = () => performance.now(), source = encoded, slug = 'ada' } = options
  const thumbnailer = new Thumbnailer({ admission: EVERYBODY, log, intervalMs, now })
  const app = mountMedia(thumbnailer.routes, log)
  const output = await thumbnailer.openOutput({ id: 's1', channelId: 'c1', slug })
  const broadcast = new Broadcast({ tracks: source.tracks, log })
  broadcast.addSink(output.attach(broadcast))
  const get = async (file = 'ada.jpg', headers: Record<string, string> = {}): Promise<Response> =>
    app.handle(new Request(`http://localhost/thumbnails/${file}`, { headers }))
  return { output, broadcast, get }
}

type Stream = Awaited<ReturnType<typeof open>>

/** Resolves with the picture that is there when one is. */
function picture({ get }: Stream): Promise<Response> {
  return waitFor(
    async () => {
      const response = await get()
      return response.status === 200 && response
    },
    { message: 'a picture', intervalMs: 20 },
  )
}

async function etagOf(stream: Stream): Promise<string> {
  return (await picture(stream)).headers.get('etag')!
}

/** Width, height and codec, as ffprobe sees them. */
async function probe(jpeg: Uint8Array): Promise<string> {
  const entries = ['-show_entries', 'stream=codec_name,width,height', '-of', 'csv=p=0']
  const child = Bun.spawn(['ffprobe', '-v', 'error', '-f', 'mjpeg', '-i', 'pipe:0', ...entries], {
    stdin: jpeg,
  })
  return (await new Response(child.stdout).text()).trim()
}

function children(): number {
  return descendants(process.pid).filter(each => each.command.startsWith('ffmpeg')).length
}

afterEach(() => {
  warnings.splice(0)
  expect(children()).toBe(0)
})

test('a key frame becomes a JPEG 640 wide, in its shape', async () => {
  const stream = await open()
  expect((await stream.get()).status).toBe(404)
  stream.broadcast.write(keys[0]!)
  const response = await picture(stream)
  expect(response.headers.get('content-type')).toBe('image/jpeg')
  expect(response.headers.get('cache-control')).toContain('max-age')
  expect(await probe(await response.bytes())).toBe('mjpeg,640,360')
  await stream.broadcast.close()
  expect(warnings).toEqual([])
})

for (const { name, video } of [
  { name: 'B-frames', video: ['-preset', 'veryfast', '-bf', '3'] },
  { name: '10-bit 4:2:2', video: ['-pix_fmt', 'yuv422p10le', '-profile:v', 'high422'] },
])
  test(`a picture is made of ${name} too`, async () => {
    const source = await encode({ seconds: 1, size: '640x480', rate: 10, hasAudio: false, video })
    const stream = await open({ source })
    for (const unit of source.units) stream.broadcast.write(unit)
    expect(await probe(await (await picture(stream)).bytes())).toBe('mjpeg,640,480')
    await stream.broadcast.close()
  })

for (const video of ['hevc', 'av1'] as const)
  test(`a picture is made of ${video} too`, async () => {
    const { units } = await enhancedUnits({ video, audio: 'opus', size: '320x180' })
    const key = units.find(unit => unit.isKey && unit.track.kind === 'video')!
    const stream = await open({ source: { tracks: { video: key.track as VideoTrack }, units } })
    stream.broadcast.write(key)
    expect(await probe(await (await picture(stream)).bytes())).toBe('mjpeg,640,360')
    await stream.broadcast.close()
  }, 30_000)

test('who has the picture already is told so, until there is a new one', async () => {
  const stream = await open()
  stream.broadcast.write(keys[0]!)
  const etag = await etagOf(stream)
  const unchanged = await stream.get('ada.jpg', { 'if-none-match': etag })
  expect(unchanged.status).toBe(304)
  expect(await unchanged.text()).toBe('')
  expect(unchanged.headers.get('etag')).toBe(etag)
  await waitFor(
    async () => {
      stream.broadcast.write(keys[1]!)
      return (await stream.get('ada.jpg', { 'if-none-match': etag })).status === 200
    },
    { message: 'another picture' },
  )
  await stream.broadcast.close()
})

test('while a picture is fresh, no other is made', async () => {
  const stream = await open({ intervalMs: 60_000 })
  stream.broadcast.write(keys[0]!)
  const etag = await etagOf(stream)
  for (let round = 0; round < 20; round++) stream.broadcast.write(keys[1]!)
  expect(children()).toBe(0)
  await stream.broadcast.close()
  expect(await etagOf(stream)).toBe(etag)
})

test('a picture that nobody has asked for is made anew less often, until somebody does', async () => {
  let now = 0
  const stream = await open({ intervalMs: 10_000, now: () => now })
  const write = () => {
    stream.broadcast.write(keys[0]!)
    return children() > 0
  }
  const isMadeAt = async (ms: number) => {
    now = ms
    await waitFor(write, { message: `a picture to be begun at ${ms}`, intervalMs: 20 })
    await waitFor(() => children() === 0, { message: 'ffmpeg to end' })
  }
  const isFreshAt = async (ms: number) => {
    now = ms
    for (let round = 0; round < 10; round++) {
      expect(write()).toBe(false)
      await Bun.sleep(20)
    }
  }
  await isMadeAt(0)
  await isFreshAt(59_999)
  await isMadeAt(60_000)
  await picture(stream)
  await isFreshAt(69_999)
  await isMadeAt(70_000)
  await stream.broadcast.close()
})

test('key frames that come while one is converted pass by', async () => {
  const stream = await open()
  for (let round = 0; round < 50; round++) stream.broadcast.write(keys[0]!)
  expect(children()).toBe(1)
  await picture(stream)
  await stream.broadcast.close()
})

test('the picture goes with its stream', async () => {
  const stream = await open()
  stream.broadcast.write(keys[0]!)
  await picture(stream)
  await stream.broadcast.close()
  // The publisher may come back to the same stream.
  expect((await stream.get()).status).toBe(200)
  await stream.output.close()
  await stream.output.close()
  const response = await stream.get()
  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({ reason: 'no_thumbnail' })
})

test('closed in the middle of a conversion, it leaves no process and no picture', async () => {
  const stream = await open()
  stream.broadcast.write(keys[0]!)
  const [child] = descendants(process.pid).filter(each => each.command.startsWith('ffmpeg'))
  // One that would not end by itself.
  process.kill(child!.pid, 'SIGSTOP')
  await Promise.all([stream.broadcast.close(), stream.broadcast.close()])
  expect(children()).toBe(0)
  expect((await stream.get()).status).toBe(404)
  expect(warnings).toEqual([])
})

test('a frame that cannot be converted costs its picture, nothing else', async () => {
  const stream = await open()
  const broken: AccessUnit = { ...keys[0]!, data: new Uint8Array(5_000).fill(0x5a) }
  stream.broadcast.write(broken)
  await waitFor(() => warnings.length > 0, { message: 'the failure to be logged' })
  expect(warnings).toEqual(['no thumbnail could be made'])
  expect((await stream.get()).status).toBe(404)
  stream.broadcast.write(keys[0]!)
  await picture(stream)
  await stream.broadcast.close()
})

test('an ffmpeg that is killed costs its picture, nothing else', async () => {
  const stream = await open()
  stream.broadcast.write(keys[0]!)
  const [child] = descendants(process.pid).filter(each => each.command.startsWith('ffmpeg'))
  process.kill(child!.pid, 'SIGKILL')
  await waitFor(() => warnings.length > 0, { message: 'the failure to be logged' })
  stream.broadcast.write(keys[0]!)
  await picture(stream)
  await stream.broadcast.close()
})

test('only names of channels are looked for', async () => {
  const stream = await open()
  for (const file of ['ada', 'ada.png', 'ADA.jpg', '..%2fada.jpg', 'bob.jpg', `${'a'.repeat(65)}.jpg`])
    expect((await stream.get(file)).status).toBe(404)
  await stream.broadcast.close()
})
