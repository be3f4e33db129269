import { beforeEach, describe, expect, test } from 'bun:test'
import type { AccessUnit, Tracks, VideoTrack } from '../../media/access-unit.ts'
import { parseVideoTag } from '../../media/flv/tag.ts'
import { decodeAmf0 } from '../../media/rtmp/amf0.ts'
import { Flv } from '../../src/flv/flv.ts'
import { FlvStream } from '../../src/flv/flv-stream.ts'
import { GroupCache } from '../../src/flv/group-cache.ts'
import type { FlvMessage } from '../../src/flv/message.ts'
import type { Subscription, SubscriptionLimits } from '../../src/flv/subscription.ts'
import { Broadcast } from '../../src/live/broadcast.ts'
import { createLog } from '../../src/log.ts'
import { audio, audioUnit, video, videoUnit } from '../live/tracks.ts'
import { EVERYBODY } from '../support/everybody.ts'

const log = createLog('silent')
const identity = { id: 's1', channelId: 'c1', slug: 'ada' }
const START = 1_700_000_000_000
let now = START
let stream: FlvStream

beforeEach(() => {
  now = START
  stream = openStream()
})

function openStream(limits: Partial<SubscriptionLimits> = {}): FlvStream {
  return new FlvStream({ identity, log, limits, onEnd: () => {} })
}

function attach(tracks: Tracks = { video, audio }): Broadcast {
  const broadcast = new Broadcast({ tracks, log, now: () => now })
  broadcast.addSink(stream.attach(broadcast))
  return broadcast
}

/** Pictures every 40 ms and sound between, from `fromMs` up to `toMs`, with a key picture each second. */
function feed(broadcast: Broadcast, fromMs: number, toMs: number, bytes = 100): void {
  for (let ms = fromMs; ms < toMs; ms += 40) {
    now = START + ms
    broadcast.write(videoUnit(ms, { isKey: ms % 1000 === 0, bytes }))
    broadcast.write(audioUnit(ms + 20))
  }
}

function subscribe(options: { skipsCache?: boolean } = {}): Subscription {
  return stream.subscribe({ onReadable: () => {}, ...options })
}

function takeAll(viewer: Subscription): FlvMessage[] {
  const taken: FlvMessage[] = []
  for (let next = viewer.take(); next; next = viewer.take()) taken.push(next)
  return taken
}

const kinds = (messages: readonly FlvMessage[]) => messages.map(each => `${each.type} ${each.role}`)
const times = (messages: readonly FlvMessage[]) => messages.map(each => each.timestampMs)
const HEADERS = ['script header', 'video header', 'audio header']

describe('a viewer that comes', () => {
  test('gets metadata, sequence headers, the last group of pictures, then what follows; from zero on', () => {
    const broadcast = attach()
    feed(broadcast, 0, 5_400)
    const viewer = subscribe()
    const start = takeAll(viewer)
    expect(kinds(start).slice(0, 5)).toEqual([...HEADERS, 'video key', 'audio frame'])
    expect(start).toHaveLength(3 + 20)
    expect(times(start).slice(0, 6)).toEqual([0, 0, 0, 0, 20, 40])
    const [name, metadata] = decodeAmf0(start[0]!.body)
    expect(name).toBe('onMetaData')
    expect(metadata).toMatchObject({ width: 1280, height: 720, videocodecid: 7, audiocodecid: 10 })
    feed(broadcast, 5_400, 5_440)
    expect(takeAll(viewer)).toMatchObject([
      { type: 'video', timestampMs: 400 },
      { type: 'audio', timestampMs: 420 },
    ])
    expect(stream.viewerCount).toBe(1)
    viewer.close()
    viewer.close()
    expect(stream.viewerCount).toBe(0)
  })

  test('before the first key picture waits for it', () => {
    const broadcast = attach()
    const viewer = subscribe()
    broadcast.write(audioUnit(0))
    broadcast.write(videoUnit(0))
    expect(viewer.hasMessages).toBe(false)
    feed(broadcast, 1_000, 1_040)
    expect(kinds(takeAll(viewer))).toEqual([...HEADERS, 'video key', 'audio frame'])
  })

  test('may skip the cached group, and then begins with the next key picture', () => {
    const broadcast = attach()
    feed(broadcast, 0, 2_400)
    const viewer = subscribe({ skipsCache: true })
    expect(kinds(takeAll(viewer))).toEqual(HEADERS)
    feed(broadcast, 2_400, 3_040)
    const live = takeAll(viewer)
    expect(kinds(live)).toEqual(['video key', 'audio frame'])
    expect(times(live)).toEqual([0, 20])
  })

  test('shares the bodies with every other viewer', () => {
    feed(attach(), 0, 400)
    const [first, second] = [subscribe(), subscribe()].map(takeAll)
    expect(first!.length).toBe(second!.length)
    first!.forEach((message, index) => {
      expect(message.body).toBe(second![index]!.body)
    })
  })
})

test('a group that grows over its limits is forgotten until the next key picture', () => {
  const cache = new GroupCache({ maxBytes: 1_000, maxMessages: 4 })
  const message = (role: FlvMessage['role'], bytes: number) =>
    cache.add({ type: 'video', timestampMs: 0, body: new Uint8Array(bytes), mediaBytes: bytes, role })
  message('key', 500)
  message('frame', 400)
  expect(cache.messages).toHaveLength(2)
  message('frame', 400)
  message('frame', 1)
  expect(cache.messages).toHaveLength(0)
  for (const role of ['key', 'frame', 'frame', 'frame'] as const) message(role, 1)
  expect(cache.messages).toHaveLength(4)
  message('frame', 1)
  expect(cache.messages).toHaveLength(0)
})

describe('a publisher that returns', () => {
  test('is seen as the same stream: new headers, and time goes on as the clock on the wall did', async () => {
    const viewer = subscribe()
    const first = attach()
    feed(first, 0, 1_040)
    await first.close()
    const before = takeAll(viewer)
    now = START + 4_000
    const second = attach({ video: { ...video, width: 640 } })
    // Its encoder counts from anew, and its first sound is older than its first picture.
    const other = (unit: AccessUnit): AccessUnit => ({ ...unit, track: second.tracks.video })
    second.write(other(videoUnit(80, { isKey: true })))
    second.write(other(videoUnit(120)))
    const after = takeAll(viewer)
    expect(kinds(after)).toEqual(['script header', 'video header', 'video key', 'video frame'])
    expect(times(before).at(-1)).toBe(1_020)
    expect(times(after)).toEqual([4_000, 4_000, 4_000, 4_040])
    expect(kinds(takeAll(subscribe()))).toEqual(['script header', 'video header', 'video key', 'video frame'])
  })

  test('at once, with a clock that runs ahead, never takes time back', async () => {
    const viewer = subscribe()
    const first = attach()
    feed(first, 0, 2_000)
    await first.close()
    now = START + 1_000
    feed(attach(), 0, 80)
    const all = takeAll(viewer)
    for (const type of ['video', 'audio']) {
      const stamps = times(all.filter(message => message.type === type))
      expect(stamps).toEqual(stamps.toSorted((a, b) => a - b))
    }
    expect(all.filter(message => message.role === 'key')).toHaveLength(3)
  })
})

describe('a slow viewer', () => {
  test('misses pictures up to the next key one, and nobody else does', () => {
    stream = openStream({ maxQueuedBytes: 20_000 })
    const broadcast = attach()
    const slow = subscribe()
    const quick = subscribe()
    const seen: FlvMessage[] = []
    for (let ms = 0; ms < 10_000; ms += 200) {
      feed(broadcast, ms, ms + 200, 2_000)
      seen.push(...takeAll(quick))
    }
    expect(seen).toHaveLength(3 + 10 * 50)
    const left = takeAll(slow)
    expect(left.reduce((sum, message) => sum + message.body.byteLength, 0)).toBeLessThan(25_000)
    expect(slow.droppedMessages).toBeGreaterThan(400)
    feed(broadcast, 10_000, 10_040)
    expect(kinds(takeAll(slow))).toEqual([...HEADERS, 'video key', 'audio frame'])
    expect(quick.droppedMessages).toBe(0)
  })

  test('a key picture larger than the queue still passes', () => {
    stream = openStream({ maxQueuedBytes: 1_000 })
    const broadcast = attach()
    const viewer = subscribe()
    broadcast.write(videoUnit(0, { isKey: true, bytes: 50_000 }))
    expect(kinds(takeAll(viewer))).toContain('video key')
  })

  test('that takes nothing at all is given up', async () => {
    stream = openStream({ stallMs: 30 })
    const broadcast = attach()
    const viewer = subscribe()
    const other = subscribe()
    for (let ms = 0; !viewer.isClosed; ms += 40) {
      feed(broadcast, ms, ms + 40)
      takeAll(other)
      await Bun.sleep(1)
    }
    expect(viewer.isOver).toBe(true)
    expect(other.isClosed).toBe(false)
    expect(stream.viewerCount).toBe(1)
  })

  test('one whose connection throws is left out, and the others go on', () => {
    const broadcast = attach()
    stream.subscribe({
      onReadable: () => {
        throw new TypeError('broken')
      },
    })
    const viewer = subscribe()
    feed(broadcast, 0, 400)
    expect(takeAll(viewer)).toHaveLength(23)
    expect(stream.viewerCount).toBe(1)
  })
})

describe('the end', () => {
  test('comes behind what is queued, and frees everything', async () => {
    const broadcast = attach()
    const viewer = subscribe()
    feed(broadcast, 0, 80)
    await broadcast.close()
    await stream.close()
    await stream.close()
    expect(viewer.isOver).toBe(false)
    expect(takeAll(viewer)).toHaveLength(7)
    expect(viewer.isOver).toBe(true)
    viewer.close()
    expect(stream.viewerCount).toBe(0)
    expect(() => subscribe()).toThrow('not live')
  })

  test('does not wait for a viewer that takes nothing', async () => {
    stream = openStream({ stallMs: 10 })
    const { promise, resolve } = Promise.withResolvers<void>()
    const viewer = stream.subscribe({ onReadable: () => viewer.isClosed && resolve() })
    feed(attach(), 0, 80)
    await stream.close()
    await promise
    expect(stream.viewerCount).toBe(0)
  })
})

test.each([
  ['hevc', 'hvc1', 20],
  ['av1', 'av01', 0],
] as const)('%s goes out by Enhanced RTMP', (codec, fourCc, compositionMs) => {
  const track: VideoTrack = { ...video, codec, decoderConfig: Uint8Array.of(9, 9) }
  const broadcast = attach({ video: track })
  const viewer = subscribe()
  broadcast.write({ ...videoUnit(0, { isKey: true, ptsMs: compositionMs }), track })
  const [metadata, header, key] = takeAll(viewer)
  expect(decodeAmf0(metadata!.body)[1]).toMatchObject({
    videocodecid: Buffer.from(fourCc).readUInt32BE(),
  })
  expect(parseVideoTag(header!.body)).toMatchObject([
    { codec: fourCc, kind: 'config', data: track.decoderConfig },
  ])
  expect(parseVideoTag(key!.body)).toMatchObject([{ codec: fourCc, kind: 'frame', compositionMs }])
  expect(key!.body[0]).toBe(0x91)
})

test('of Opus the converted sound is sent, and nothing that a ladder makes', () => {
  const tracks = { video, audio: { ...audio, codec: 'opus' as const } }
  const converted = new Map([[tracks.audio, audio]])
  const broadcast = new Broadcast({ tracks, converted, log, now: () => now })
  broadcast.addSink(stream.attach(broadcast))
  const viewer = subscribe()
  broadcast.write(videoUnit(0, { isKey: true }))
  broadcast.write({ ...audioUnit(20), track: broadcast.tracks.audio! })
  broadcast.writeRendition(audioUnit(20))
  broadcast.writeRendition({ ...videoUnit(0, { isKey: true }), track: { ...video, rendition: '480p' } })
  expect(kinds(takeAll(viewer))).toEqual([...HEADERS, 'video key', 'audio frame'])
  expect(stream.hasAudio).toBe(true)
})

test('a stream has at most so many viewers', () => {
  for (let index = 0; index < 5_000; index++) subscribe()
  expect(() => subscribe()).toThrow('Too many viewers')
})

test('a channel is found while it is live, by its slug alone; closing ends all, and twice is once', async () => {
  const flv = new Flv({ admission: EVERYBODY, log })
  const first = await flv.openOutput(identity)
  const second = await flv.openOutput({ ...identity, id: 's2' })
  expect(flv.find('ada')).toBe(second as FlvStream)
  expect(flv.find('s2')).toBeUndefined()
  await first.close()
  expect(flv.find('ada')).toBe(second as FlvStream)
  const viewer = flv.find('ada')!.subscribe({ onReadable: () => {} })
  await Promise.all([flv.close(), flv.close()])
  expect(viewer.isOver).toBe(true)
  expect(flv.find('ada')).toBeUndefined()
  expect(flv.openOutput(identity)).rejects.toMatchObject({ reason: 'server_closing' })
})
