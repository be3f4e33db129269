/** What each viewer sees of a stream with a ladder: its own layer, by its bandwidth or its choice. */
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import { type Encoded, encode } from '../hls/encoder.ts'
import { SlowLink } from '../support/slow-link.ts'
import { waitFor } from '../support/wait-for.ts'
import { Audience, SECONDS, type Viewer } from './audience.ts'
import { type Ladder, Stage } from './stage.ts'

const RENDITIONS = ['360p', '180p']

let audience: Audience
let source: Encoded
let ladder: Ladder

const rate = (kilobits: number) => [
  '-b:v',
  `${kilobits}k`,
  '-maxrate',
  `${kilobits}k`,
  '-bufsize',
  `${kilobits / 4}k`,
]

beforeAll(async () => {
  const [opened, high, middle, low] = await Promise.all([
    Audience.open(RENDITIONS),
    encode({ seconds: SECONDS + 1, size: '960x540', gop: 60, video: rate(2_000) }),
    encode({ seconds: SECONDS + 1, size: '640x360', video: rate(700), hasAudio: false }),
    encode({ seconds: SECONDS + 1, size: '320x180', gop: 15, video: rate(200), hasAudio: false }),
  ])
  audience = opened
  source = high
  ladder = { '360p': middle, '180p': low }
}, 60_000)
afterEach(() => audience.clear())
afterAll(() => audience.close())

async function shows(viewer: Viewer, height: number, timeoutMs: number): Promise<void> {
  await waitFor(
    async () => {
      const picture = await viewer.page.picture()
      if (picture?.height === height) return true
      throw new Error(`it is ${picture?.height}; ${JSON.stringify(await layersOf(viewer))}`)
    },
    { message: `a picture of ${height} lines`, timeoutMs },
  )
}

async function layersOf({ layerUrl }: Viewer): Promise<{
  layers: { encodingId: string; height?: number; isActive: boolean; bitrateBps: number }[]
  current: string | null
  pinned: string | null
}> {
  return (await fetch(layerUrl)).json()
}

async function pin({ layerUrl }: Viewer, body: unknown): Promise<number> {
  return (await fetch(layerUrl, { method: 'POST', body: JSON.stringify(body) })).status
}

test('a viewer reaches the source, is held to the layer it pins, and is free again', async () => {
  await audience.publish('ada', source, ladder)
  for (const by of ['own offer', 'our offer'] as const) {
    const viewer = await audience.watch('ada', by)
    await shows(viewer, 540, 40_000)
    // Its first pictures may have come from the source, before the ladder had made any.
    const { layers, current, pinned } = await waitFor(
      async () => {
        const found = await layersOf(viewer)
        return found.layers.every(each => each.isActive && each.bitrateBps > 0) && found
      },
      { message: 'all layers of a known bitrate' },
    )
    expect(layers.map(each => [each.encodingId, each.height, each.isActive])).toEqual([
      ['source', 540, true],
      ['360p', 360, true],
      ['180p', 180, true],
    ])
    expect([current, pinned]).toEqual(['source', null])
    expect(layers[0]!.bitrateBps).toBeGreaterThan(layers[1]!.bitrateBps)
    expect(await pin(viewer, { encodingId: '180p', mediaId: '0' })).toBe(200)
    await shows(viewer, 180, 8_000)
    expect(await layersOf(viewer)).toMatchObject({ current: '180p', pinned: '180p' })
    expect(await pin(viewer, { encodingId: '4320p' })).toBe(400)
    expect(await pin(viewer, 'nonsense')).toBe(400)
    expect(await pin(viewer, { encodingId: null })).toBe(200)
    await shows(viewer, 540, 40_000)
    expect((await viewer.page.rtp('video')).lost).toBe(0)
    await viewer.page.close()
  }
}, 180_000)

// A machine busy with other things delays packets, which is a slow link too: hence the retries.
for (const by of ['our offer', 'own offer'] as const)
  test(
    `a viewer on a slow link (${by}) steps down and up again, and another one stays`,
    async () => {
      await audience.publish('bob', source, ladder)
      const { udpSockets } = await (await audience.stage.workers.acquire()).webRtcServer.dump()
      await using link = await SlowLink.open(udpSockets[0]!.port)
      const [slow, other] = await Promise.all([
        audience.watch('bob', by, { port: link.port }),
        audience.watch('bob', by),
      ])
      await Promise.all([shows(slow, 540, 40_000), shows(other, 540, 40_000)])
      link.limit(900_000)
      await waitFor(async () => (await layersOf(slow)).current !== 'source', {
        message: 'a lower layer',
        timeoutMs: 5_000,
      })
      const lower = (await slow.page.picture())!.decodedFrames
      // However little is left, there is a picture.
      await slow.page.playing({ frames: lower + 60, timeoutMs: 10_000 })
      expect((await layersOf(other)).current).toBe('source')
      link.limit(undefined)
      await waitFor(async () => (await layersOf(slow)).current === 'source', {
        message: 'the source again',
        timeoutMs: 15_000,
      })
      expect((await layersOf(other)).current).toBe('source')
    },
    { timeout: 120_000, retry: 2 },
  )

test('a publisher that is away and comes back with another size goes on in the same session', async () => {
  const stream = await audience.publish('cyd', source, ladder)
  const viewers = [await audience.watch('cyd', 'own offer'), await audience.watch('cyd', 'our offer')]
  for (const viewer of viewers) await shows(viewer, 540, 40_000)
  audience.stage.interrupt(stream)
  await waitFor(async () => (await Promise.all(viewers.map(layersOf))).every(each => each.current === null), {
    message: 'no layer to be left',
    timeoutMs: 10_000,
  })
  // Smaller, so without the better rung.
  const { '360p': middle, '180p': low } = ladder
  audience.stage.feed(
    stream,
    { tracks: { ...source.tracks, video: middle!.tracks.video }, units: [...middle!.units] },
    SECONDS,
    {
      '180p': low!,
    },
  )
  for (const viewer of viewers) {
    // Whatever it showed last: now there are pictures again, of the new source.
    const { decodedFrames } = (await viewer.page.picture())!
    await viewer.page.playing({ frames: decodedFrames + 30 })
    await shows(viewer, 360, 40_000)
    const { layers } = await layersOf(viewer)
    expect(layers.filter(each => each.isActive).map(each => [each.encodingId, each.height])).toEqual([
      ['source', 360],
      ['180p', 180],
    ])
  }
}, 120_000)

test('two workers serve the viewers of one stream; when one dies, its viewers alone can tell', async () => {
  await using pair = await Stage.open(2, RENDITIONS)
  const stream = await pair.publish('dan', source, SECONDS, ladder)
  const base = pair.listen()
  const media = [await pair.workers.acquire(), await pair.workers.acquire()]
  const first = await audience.watch('dan', 'own offer', { base })
  // A crowd on the worker of the first.
  const crowded = media.find(each => each.sessions > 0)!
  crowded.sessions += 100
  const second = await audience.watch('dan', 'our offer', { base })
  expect(media.map(each => each.sessions).toSorted()).toEqual([1, 101])
  for (const viewer of [first, second]) await shows(viewer, 540, 40_000)
  // The first viewer's is the origin's too.
  process.kill(media.find(each => each !== crowded)!.worker.pid, 'SIGKILL')
  await waitFor(async () => (await fetch(second.layerUrl)).status === 404, { message: 'its session to end' })
  const { decodedFrames } = (await first.page.picture())!
  await first.page.playing({ frames: decodedFrames + 60 })
  const again = await audience.watch('dan', 'our offer', { base })
  await shows(again, 540, 40_000)
  process.kill(crowded.worker.pid, 'SIGKILL')
  await waitFor(() => stream.viewerCount === 0, { message: 'all sessions to end' })
  const last = await audience.watch('dan', 'own offer', { base })
  await shows(last, 540, 40_000)
}, 180_000)
