/** A stream without renditions whose key frames are sixteen seconds apart: how soon those who come in between see it. */
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import { type Encoded, encode } from '../hls/encoder.ts'
import { waitFor } from '../support/wait-for.ts'
import { Audience, SECONDS, type Viewer } from './audience.ts'

/** The group goes on for eleven seconds more. */
const INTO_THE_GROUP_MS = 5_000
/** Far from the next key frame, and from what a loaded machine does to a browser. */
const SOON_MS = 4_000

let audience: Audience
let source: Encoded

beforeAll(async () => {
  // What is replayed at three times its pace is more than a viewer's bandwidth is first taken for.
  const rate = ['-b:v', '2500k', '-maxrate', '2500k', '-bufsize', '600k']
  const [opened, encoded] = await Promise.all([
    Audience.open(['480p', '360p']),
    encode({ seconds: SECONDS + 1, size: '640x360', gop: SECONDS * 30, video: rate }),
  ])
  audience = opened
  source = encoded
}, 60_000)
afterEach(() => audience.clear())
afterAll(() => audience.close())

async function current({ layerUrl }: Viewer): Promise<unknown> {
  return (await fetch(layerUrl)).json()
}

for (const by of ['own offer', 'our offer'] as const)
  test(`a viewer (${by}) sees the group from its key frame at once, has caught up soon, and goes on with the source`, async () => {
    await audience.publish('ada', source)
    const publishedAt = performance.now()
    await waitFor(() => performance.now() - publishedAt > INTO_THE_GROUP_MS, {
      message: 'the middle of the group',
    })
    const viewer = await audience.watch('ada', by)
    await viewer.page.playing({ frames: 1, timeoutMs: SOON_MS })
    expect(await current(viewer)).toMatchObject({
      current: 'source',
      pinned: null,
      layers: [
        { encodingId: 'source', height: 360 },
        { encodingId: '480p', isActive: false },
        { encodingId: '360p', isActive: false },
      ],
    })
    // As many as the publisher has sent, before there is another key frame.
    await waitFor(
      async () => {
        const { framesDecoded } = await viewer.page.rtp('video')
        const sent = ((performance.now() - publishedAt) / 1000) * 30
        return framesDecoded > sent - 20
      },
      { message: 'the viewer to have caught up', timeoutMs: SECONDS * 1000 - INTO_THE_GROUP_MS - 1_000 },
    )
    expect(performance.now() - publishedAt).toBeLessThan(SECONDS * 1000)
    // Over the source's own key frame and into its next group.
    const { framesDecoded } = await viewer.page.rtp('video')
    await waitFor(async () => (await viewer.page.rtp('video')).framesDecoded > framesDecoded + SECONDS * 30, {
      message: 'the next group',
      timeoutMs: 2 * SECONDS * 1000,
    })
    expect((await viewer.page.rtp('video')).lost).toBe(0)
    expect(await current(viewer)).toMatchObject({ current: 'source' })
  }, 90_000)

test('viewers who come one after the other all see it soon, each on its own', async () => {
  await audience.publish('bob', source)
  const publishedAt = performance.now()
  await waitFor(() => performance.now() - publishedAt > 1_000, { message: 'a second of the group' })
  const viewers: Viewer[] = []
  for (const by of ['own offer', 'our offer', 'our offer', 'own offer', 'our offer'] as const) {
    const viewer = await audience.watch('bob', by)
    viewers.push(viewer)
    await viewer.page.playing({ frames: 1, timeoutMs: SOON_MS })
    // The replays of those before are no longer new to mediasoup, which then takes no newer one by bandwidth.
    const { framesDecoded } = await viewer.page.rtp('video')
    await viewer.page.playing({ frames: framesDecoded + 45 })
  }
  expect(performance.now() - publishedAt).toBeLessThan(SECONDS * 1000)
  for (const { page } of viewers) {
    const { framesDecoded } = await page.rtp('video')
    await page.playing({ frames: framesDecoded + 30 })
    // Nobody is shown the group anew for another's sake.
    expect((await page.rtp('video')).framesDecoded).toBeLessThan(
      ((performance.now() - publishedAt) / 1000) * 30 + 20,
    )
  }
}, 90_000)
