import { afterAll, expect, test } from 'bun:test'
import { AppError } from '../../src/errors.ts'
import { Distribution } from '../../src/webrtc/distribution.ts'
import { CNAME, inlets, OriginRouter } from '../../src/webrtc/origin-router.ts'
import { RtpFeed } from '../../src/webrtc/rtp-feed.ts'
import { waitFor } from '../support/wait-for.ts'
import { openWorkers } from './stage.ts'

const pool = await openWorkers(2)
afterAll(() => pool.close())
const signature = { videoPayloadType: 102, audioPayloadType: 111 }

async function routers(): Promise<number[]> {
  const media = new Set([await pool.acquire(), await pool.acquire()])
  const dumps = await Promise.all([...media].map(({ worker }) => worker.dump()))
  return dumps.map(dump => dump.routerIds.length)
}

test('a crowd is spread over the workers, and a few are not', async () => {
  const feed = new RtpFeed()
  const distribution = new Distribution({ pool, feed })
  const few = await Promise.all(Array.from({ length: 10 }, () => distribution.enter(signature)))
  expect(new Set(few.map(place => place.edge)).size).toBe(1)
  expect(feed.isWatched).toBe(true)
  const many = await Promise.all(Array.from({ length: 190 }, () => distribution.enter(signature)))
  const edges = [...few, ...many].map(place => place.edge)
  const sizes = [...new Set(edges)].map(edge => edges.filter(each => each === edge).length)
  expect(sizes.length).toBe(2)
  expect(Math.abs(sizes[0]! - sizes[1]!)).toBeLessThanOrEqual(25)
  expect((await routers()).toSorted()).toEqual([1, 2])
  for (const place of [...few, ...many]) place.leave()
  few[0]!.leave()
  const [first, second] = [await pool.acquire(), await pool.acquire()]
  expect([first.sessions, second.sessions]).toEqual([0, 0])
  await distribution.close()
  await distribution.close()
  expect(await routers()).toEqual([0, 0])
  await waitFor(() => !feed.isWatched, { message: 'the feed to have nobody' })
})

test('full workers take nobody more, of whichever stream, until somebody leaves', async () => {
  const distributions = [new RtpFeed(), new RtpFeed()].map(feed => new Distribution({ pool, feed }))
  const places = []
  for (let index = 0; index < 1_000; index++) places.push(await distributions[index % 2]!.enter(signature))
  const refusal = await distributions[0]!.enter(signature).catch(error => error)
  expect(refusal).toBeInstanceOf(AppError)
  expect(refusal.reason).toBe('viewers_full')
  places[0]!.leave()
  const last = await distributions[1]!.enter(signature)
  for (const place of [...places, last]) place.leave()
  await Promise.all(distributions.map(each => each.close()))
})

test('an edge’s dead worker costs its viewers alone; the origin’s ends all, and all can come again', async () => {
  const feed = new RtpFeed()
  const distribution = new Distribution({ pool, feed })
  const places = await Promise.all(Array.from({ length: 60 }, () => distribution.enter(signature)))
  const edges = [...new Set(places.map(place => place.edge))]
  const origin = pool.pids[(await routers()).indexOf(2)]!
  const other = pool.pids.find(pid => pid !== origin)!
  process.kill(other, 'SIGKILL')
  await Promise.race(edges.map(edge => edge.closed))
  expect(edges.filter(edge => edge.isClosed).length).toBe(1)
  for (const place of places) if (place.edge.isClosed) place.leave()
  await waitFor(() => pool.pids.length === 2, { message: 'the worker to be back' })
  const again = await Promise.all(Array.from({ length: 30 }, () => distribution.enter(signature)))
  const all = [...new Set([...edges, ...again.map(place => place.edge)])].filter(edge => !edge.isClosed)
  process.kill(origin, 'SIGKILL')
  await Promise.all(all.map(edge => edge.closed))
  for (const place of [...places, ...again]) place.leave()
  expect((await distribution.enter(signature)).edge.isClosed).toBe(false)
  expect(feed.isWatched).toBe(true)
  await distribution.close()
})

const BURSTS = 20
const PACKETS = 250

for (const [name, bufferBytes] of [
  ['', undefined],
  [', through the buffers that Linux gives by default', 200_000],
] as const)
  test(`bursts of hundreds of packets arrive on another worker, whole${name}`, async () => {
    const [here, there] = [await pool.acquire(), await pool.acquire()]
    const origin = await OriginRouter.open(here, 1)
    const router = await there.worker.createRouter({
      mediaCodecs: [
        { kind: 'audio', mimeType: 'audio/opus', clockRate: 48_000, channels: 2 },
        {
          kind: 'video',
          mimeType: 'video/H264',
          clockRate: 90_000,
          parameters: { 'packetization-mode': 1, 'profile-level-id': '42e01f' },
        },
      ],
    })
    const producers = await origin.pipeTo(router, bufferBytes)
    const outlet = await router.createDirectTransport()
    const consumer = await outlet.consume({
      producerId: producers.video,
      rtpCapabilities: router.rtpCapabilities,
    })
    expect(consumer.rtpParameters.rtcp!.cname).toBe(CNAME)
    const arrived = new Set<number>()
    const total = BURSTS * PACKETS
    consumer.on('rtp', packet => {
      const number = packet.readUInt32BE(packet.byteLength - 4)
      if (number < total) arrived.add(number)
    })
    for (let burst = 0; burst < BURSTS; burst++) {
      origin.send(
        'video',
        Array.from({ length: PACKETS }, (_, index) => keyPacket(burst * PACKETS + index, burst)),
      )
      await Bun.sleep(100)
    }
    let later = 0
    await waitFor(
      () => {
        if (arrived.size === total) return true
        // Only a packet that comes later shows that the last ones are missing; streams go on.
        origin.send('video', [keyPacket(total + later++, BURSTS)])
        throw new Error(`${arrived.size} of ${total} have arrived`)
      },
      { message: 'all packets', timeoutMs: 20_000 },
    )
    router.close()
    origin.close()
  }, 30_000)

/** 1,200 bytes that begin as an SPS does, so that none waits for a key frame. */
function keyPacket(number: number, burst: number): Buffer {
  const packet = Buffer.alloc(1_200)
  packet[0] = 0x80
  packet[1] = inlets.video.payloadType
  packet.writeUInt16BE(number % 65_536, 2)
  packet.writeUInt32BE(burst * 9_000, 4)
  packet.writeUInt32BE(inlets.video.ssrc, 8)
  packet[12] = 0x67
  packet.writeUInt32BE(number, 1_196)
  return packet
}
