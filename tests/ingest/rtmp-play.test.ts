import { describe, expect, test } from 'bun:test'
import { FlvDepacketizer } from '../../media/flv/depacketizer.ts'
import { decodeAmf0 } from '../../media/rtmp/amf0.ts'
import type { RtmpMessage } from '../../media/rtmp/message.ts'
import { Site } from '../flv/site.ts'
import { waitFor } from '../support/wait-for.ts'
import { RtmpClient } from './rtmp-client.ts'

const AUDIO = 8
const VIDEO = 9
const KEY = 'sk_live_secret_0123456789'

async function play(site: Site, name = 'ada', app?: string): Promise<RtmpClient> {
  const client = await RtmpClient.open(site.rtmp.port)
  client.connect(app)
  client.command('createStream', 2, null)
  client.command('play', 3, null, name, -2000)
  return client
}

/** Audio and video messages heard so far. */
const heardMedia = (client: RtmpClient) =>
  client.heard.filter(each => each.typeId === AUDIO || each.typeId === VIDEO)

const pictures = (messages: readonly RtmpMessage[]) => messages.filter(each => each.typeId === VIDEO)

/** Resolves when `count` audio and video messages were heard. */
const hears = (client: RtmpClient, count: number) =>
  waitFor(() => heardMedia(client).length >= count, { message: `${count} messages`, intervalMs: 5 })

describe('a player', () => {
  test('hears Play.Start, metadata, sequence headers, the last group, then live; and the end', async () => {
    await using site = await Site.open()
    const fed = await site.goLive(2.5)
    const client = await play(site)
    await client.status('NetStream.Play.Start')
    await hears(client, 20)
    expect(site.viewerCount).toBe(1)
    site.feed(fed, 2.5, 4)
    await site.end()
    await client.ended
    const types = client.heard.map(each => each.typeId)
    // Window, bandwidth, connect, createStream; StreamBegin, Play.Start, sample access, metadata, both headers.
    expect(types.slice(0, 10)).toEqual([5, 6, 20, 20, 4, 20, 18, 18, VIDEO, AUDIO])
    expect(decodeAmf0(client.heard[7]!.payload)).toMatchObject(['onMetaData', { width: 320, height: 180 }])
    const depacketizer = new FlvDepacketizer()
    const units = heardMedia(client)
      .flatMap(each =>
        depacketizer.push(each.typeId === VIDEO ? 'video' : 'audio', each.timestamp, each.payload),
      )
      .flatMap(event => (event.type === 'unit' ? [event.unit] : []))
    const seen = units.filter(unit => unit.track.kind === 'video')
    const sent = fed.units.filter(unit => unit.track.kind === 'video').slice(50)
    expect(seen.map(unit => Bun.hash(unit.data))).toEqual(sent.map(unit => Bun.hash(unit.data)))
    expect(seen.map(unit => unit.dts)).toEqual(sent.map(unit => unit.dts - sent[0]!.dts))
    expect(client.statuses.map(each => each.code)).toEqual([
      'NetStream.Play.Start',
      'NetStream.Play.UnpublishNotify',
      'NetStream.Play.Stop',
    ])
    expect(site.viewerCount).toBe(0)
  })

  test.each([
    ['a channel that is not live', 'bob', undefined],
    ['a stream key', KEY, undefined],
    ['another application', 'ada', 'stage'],
    ['a path', '../ada', undefined],
  ])('of %s is told that there is nothing, and closed', async (_, name, app) => {
    await using site = await Site.open()
    await site.goLive(1)
    const client = await play(site, name, app)
    await client.ended
    expect(client.statuses).toMatchObject([{ code: 'NetStream.Play.StreamNotFound', level: 'error' }])
    expect(heardMedia(client)).toEqual([])
    expect(site.logged.join('')).not.toContain(KEY)
  })

  test('cannot put media into what it plays', async () => {
    await using site = await Site.open()
    const fed = await site.goLive(1)
    const [client, other] = [await play(site), await play(site)]
    await Promise.all([client, other].map(each => hears(each, 10)))
    const payload = Uint8Array.of(0x17, 1, 0, 0, 0, 0xde, 0xad)
    client.message({ typeId: VIDEO, streamId: 1, timestamp: 0, payload })
    client.command('getStreamLength', 9, null, 'ada')
    await waitFor(() => client.heard.at(-1)?.typeId === 20, { message: 'the answer' })
    site.feed(fed, 1, 2)
    await site.end()
    await other.ended
    expect(
      pictures(heardMedia(other)).filter(each => each.payload.byteLength === payload.byteLength),
    ).toEqual([])
    expect(site.live.attempts).toBe(0)
  })

  test('that pauses comes back at the next key picture, in live time', async () => {
    await using site = await Site.open()
    const fed = await site.goLive(1)
    const client = await play(site)
    await hears(client, 20)
    client.command('pause', 5, null, true, 0)
    await client.status('NetStream.Pause.Notify')
    const before = heardMedia(client).length
    site.feed(fed, 1, 2.48)
    client.command('pause', 6, null, false, 0)
    await client.status('NetStream.Unpause.Notify')
    expect(heardMedia(client)).toHaveLength(before)
    site.feed(fed, 2.48, 4)
    await site.end()
    await client.ended
    const after = pictures(heardMedia(client).slice(before))
    expect(after[0]).toMatchObject({ timestamp: 3_000 })
    expect(after[0]!.payload[0]).toBe(0x17)
    expect(after).toHaveLength(25)
  })

  test('may want sound alone, and may go over to another stream on the same connection', async () => {
    await using site = await Site.open()
    const fed = await site.goLive(1)
    await site.flv.openOutput({ id: 's2', channelId: 'c2', slug: 'bob' })
    const client = await play(site)
    await hears(client, 20)
    client.command('receiveVideo', 5, null, false)
    client.command('getStreamLength', 6, null, 'ada')
    await waitFor(() => client.heard.at(-1)?.typeId === 20, { message: 'the answer' })
    const before = heardMedia(client).length
    site.feed(fed, 1, 2)
    await hears(client, before + 30)
    expect(pictures(heardMedia(client).slice(before))).toEqual([])
    client.command('closeStream', 7, null)
    client.command('play', 8, null, 'bob')
    await waitFor(() => site.flv.find('bob')!.viewerCount === 1, { message: 'the other stream' })
    expect(site.viewerCount).toBe(0)
    client.close()
    await client.ended
    await waitFor(() => site.flv.find('bob')!.viewerCount === 0, { message: 'nobody to watch' })
  })

  test('stays while the publisher is away, and goes on with the next broadcast', async () => {
    await using site = await Site.open({ rtmp: { deadlines: { pingMs: 20, idleMs: 50 } } })
    const fed = await site.goLive(2)
    const client = await play(site)
    await hears(client, 20)
    const pings = () => client.heard.filter(each => each.typeId === 4 && each.payload[1] === 6).length
    await waitFor(() => pings() > 5, { message: 'pings' })
    await site.attach(fed.tracks)
    site.feed(fed, 0, 2)
    await site.end()
    await client.ended
    const stamps = pictures(heardMedia(client)).map(each => each.timestamp)
    expect(stamps).toEqual(stamps.toSorted((a, b) => a - b))
    expect(stamps).toHaveLength(2 + 25 + 50)
  })
})

describe('limits', () => {
  test('a stream that does not start in time is not found', async () => {
    await using site = await Site.open({ rtmp: { deadlines: { playMs: 50 } } })
    await site.begin()
    const client = await play(site)
    await client.ended
    expect(client.statuses).toMatchObject([{ code: 'NetStream.Play.StreamNotFound' }])
    expect(site.viewerCount).toBe(0)
  })

  test('players are counted apart from publishers', async () => {
    await using site = await Site.open({ rtmp: { maxConnectionsPerAddress: 1, maxPlayersPerAddress: 2 } })
    await site.goLive(1)
    const players = []
    for (let index = 0; index < 2; index++) {
      const player = await play(site)
      await hears(player, 10)
      players.push(player)
    }
    const third = await play(site)
    await third.ended
    expect(third.statuses).toMatchObject([{ code: 'NetStream.Play.Failed', level: 'error' }])
    const publisher = await RtmpClient.open(site.rtmp.port)
    publisher.publish('key')
    await publisher.status('NetStream.Publish.Start')
    players[0]!.close()
    await players[0]!.ended
    publisher.drop()
    await waitFor(() => site.rtmp.connectionCount === 1, { message: 'the others to be gone' })
    await hears(await play(site), 10)
  })

  test('a player that reads nothing is bounded and closed, and costs nobody else', async () => {
    await using site = await Site.open({ flv: { limits: { maxQueuedBytes: 1_048_576, stallMs: 300 } } })
    const fed = await site.goLive(1)
    const lazy = await play(site)
    await hears(lazy, 10)
    lazy.pause()
    const quick = await play(site)
    const before = process.memoryUsage.rss()
    await hears(quick, 20)
    quick.heard.splice(0)
    for (let round = 0; site.viewerCount > 1; round++) {
      await site.attach(fed.tracks)
      site.feed(fed, 0, 4)
      // Whoever reads misses nothing but the sound that overlaps two broadcasts.
      await hears(quick, 2 + fed.units.length - 5)
      quick.heard.splice(0)
      expect(round).toBeLessThan(5_000)
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 2 ** 20)
    expect(site.logged.filter(line => JSON.parse(line).level >= 50)).toEqual([])
  }, 30_000)

  test('a hundred players that come and go leave nothing behind', async () => {
    await using site = await Site.open()
    await site.goLive(1)
    for (let round = 0; round < 10; round++) {
      const players = await Promise.all(Array.from({ length: 10 }, () => play(site)))
      await Promise.all(players.map(player => hears(player, 20)))
      players.forEach((player, index) => {
        if (index % 2 === 0) player.drop()
        else player.close()
      })
      await Promise.all(players.map(player => player.ended))
    }
    await waitFor(() => site.rtmp.connectionCount === 0, { message: 'no connection' })
    expect(site.viewerCount).toBe(0)
  })
})
