import { beforeAll, describe, expect, test } from 'bun:test'
import { AppError } from '../../src/errors.ts'
import { mutate, seededRandom } from '../media/rtmp/random.ts'
import { recordingOf } from '../media/rtmp/recording.ts'
import { RtmpClient } from './rtmp-client.ts'
import { expectIncreasing, ffmpeg, open, TEST_LIMIT_MS } from './rtmp-fixture.ts'

beforeAll(async () => {
  await recordingOf('plain')
}, TEST_LIMIT_MS)

describe('deadlines', () => {
  test.each([
    ['the handshake', { handshakeMs: 30 }, (_: RtmpClient) => {}],
    ['connect', { connectMs: 30 }, (client: RtmpClient) => client.greet()],
    ['publish', { publishMs: 30 }, (client: RtmpClient) => client.connect()],
    ['the key check', { keyCheckMs: 30 }, (client: RtmpClient) => client.publish('slow')],
    ['video', { tracksMs: 30 }, (client: RtmpClient) => client.publish('key')],
  ])('a peer that takes too long for %s is closed', async (_, deadlines, begin) => {
    await using fixture = await open({ deadlines })
    const client = await RtmpClient.open(fixture.server.port)
    begin(client)
    await client.ended
  })

  test('no video: the streamer is told which setting to look at', async () => {
    await using fixture = await open({ deadlines: { tracksMs: 30 } })
    const client = await RtmpClient.open(fixture.server.port)
    client.publish('key')
    await client.ended
    expect(client.statuses.at(-1)).toMatchObject({ code: 'NetStream.Publish.Rejected' })
    expect(client.statuses.at(-1)!.description).toContain('No video')
  })

  test('a publisher that falls silent is closed, after it was pinged', async () => {
    await using fixture = await open({ deadlines: { idleMs: 200, pingMs: 20 } })
    const { opening, media } = await recordingOf('plain')
    const client = await RtmpClient.open(fixture.server.port)
    client.send(opening)
    await client.status('NetStream.Publish.Start')
    client.send(media.subarray(0, media.byteLength / 2))
    await client.ended
    expect(await fixture.live.streams[0]!.left).toBeInstanceOf(Error)
    expect(client.heard.filter(each => each.typeId === 4 && each.payload[1] === 6)).not.toHaveLength(0)
  })

  test('a peer that reads nothing is closed though it keeps its side open', async () => {
    await using fixture = await open({ deadlines: { lingerMs: 30 } })
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port: fixture.server.port,
      allowHalfOpen: true,
      socket: { data() {}, end() {}, close: () => resolve() },
    })
    const accepting = fixture.live.next()
    socket.write((await recordingOf('plain')).opening)
    const stream = await accepting
    stream.publisher.disconnect(new AppError('CONFLICT', 'stream_ended', 'Ended.'))
    await closed
  })
})

describe('hostile peers', () => {
  test(
    'do not disturb a running publisher',
    async () => {
      await using fixture = await open({ maxConnectionsPerAddress: 1_000 })
      const random = seededRandom(7)
      const opening = fixture.live.next()
      const publisher = ffmpeg('large', fixture.server.port)
      const stream = await opening
      const recorded = await recordingOf('plain')
      for (let round = 0; round < 10; round++) {
        const clients = await Promise.all(
          Array.from({ length: 20 }, () => RtmpClient.open(fixture.server.port)),
        )
        for (const client of clients) {
          client.send(random() < 0.2 ? mutate(recorded.opening, random) : recorded.opening)
          client.send(mutate(recorded.media, random))
          if (random() < 0.5) client.drop()
          else client.close()
        }
        await Promise.all(clients.map(client => client.ended))
      }
      expect(await publisher.exited).toBe(0)
      expect(await stream.left).toBeUndefined()
      expect(stream.units.filter(unit => unit.track.kind === 'video')).toHaveLength(120)
      expectIncreasing(stream.units)
      expect(fixture.logged.filter(line => JSON.parse(line).level >= 50)).toEqual([])
    },
    TEST_LIMIT_MS,
  )

  test('cannot hold more connections than one address may', async () => {
    await using fixture = await open({ maxConnectionsPerAddress: 3 })
    const clients = await Promise.all(Array.from({ length: 3 }, () => RtmpClient.open(fixture.server.port)))
    const fourth = await RtmpClient.open(fixture.server.port)
    await fourth.ended
    expect(fixture.server.connectionCount).toBe(3)
    clients[0]!.close()
    await clients[0]!.ended
    const fifth = await RtmpClient.open(fixture.server.port)
    fifth.publish('key')
    await fifth.status('NetStream.Publish.Start')
  })

  test('cannot fill memory while their key is checked', async () => {
    await using fixture = await open({ deadlines: { keyCheckMs: 500, lingerMs: 50 } })
    const client = await RtmpClient.open(fixture.server.port)
    client.publish('slow')
    while (fixture.live.attempts === 0) await new Promise(setImmediate)
    const before = process.memoryUsage.rss()
    const { media } = await recordingOf('plain')
    for (let index = 0; index < 1_000; index++) client.send(media)
    await client.ended
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 2 ** 20)
  })

  test('a key is never logged', async () => {
    await using fixture = await open()
    const client = await RtmpClient.open(fixture.server.port)
    client.publish('very-secret-key?and=more')
    await client.status('NetStream.Publish.Start')
    client.send(new Uint8Array(100).fill(0xff))
    await client.ended
    expect(fixture.logged.length).toBeGreaterThan(1)
    expect(fixture.logged.join('')).not.toContain('secret')
  })
})

describe('its life', () => {
  test('a failing output closes its own publisher, and is logged as an error', async () => {
    await using fixture = await open()
    const client = await RtmpClient.open(fixture.server.port)
    const { opening, media } = await recordingOf('plain')
    client.send(opening)
    await client.status('NetStream.Publish.Start')
    fixture.live.streams[0]!.start = () => {
      throw new TypeError('an output is broken')
    }
    client.send(media)
    await client.ended
    expect(await fixture.live.streams[0]!.left).toBeInstanceOf(TypeError)
    expect(fixture.logged.some(line => JSON.parse(line).level === 50)).toBeTrue()
  })

  test('a publisher that is gone before it was accepted is not kept', async () => {
    await using fixture = await open()
    const { promise, resolve } = Promise.withResolvers<void>()
    const publish = fixture.live.publish.bind(fixture.live)
    fixture.live.publish = async (key, publisher) => {
      await promise
      return publish(key, publisher)
    }
    const client = await RtmpClient.open(fixture.server.port)
    client.publish('key')
    client.close()
    await client.ended
    const opening = fixture.live.next()
    resolve()
    expect(await (await opening).left).toBeInstanceOf(Error)
  })

  test('closing ends every connection, twice is once, and the port is free again', async () => {
    const fixture = await open()
    const { port } = fixture.server
    const client = await RtmpClient.open(port)
    client.publish('key')
    await client.status('NetStream.Publish.Start')
    await Promise.all([fixture.server.close(), fixture.server.close()])
    await client.ended
    expect(await fixture.server.closed).toBeUndefined()
    expect(fixture.live.streams[0]!.leftCount).toBe(1)
    expect(fixture.server.connectionCount).toBe(0)
    await using again = await open({ port })
    expect(again.server.port).toBe(port)
  })

  test('a port in use is named, with the variable that changes it', async () => {
    await using fixture = await open()
    const { port } = fixture.server
    expect(open({ port })).rejects.toThrow(new RegExp(`${port}.*RTMP_PORT`))
  })
})
