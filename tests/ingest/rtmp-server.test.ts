import { beforeAll, describe, expect, test } from 'bun:test'
import { controlMessage, SET_CHUNK_SIZE } from '../../media/rtmp/message.ts'
import { AppError } from '../../src/errors.ts'
import { recordingOf } from '../media/rtmp/recording.ts'
import { RtmpClient } from './rtmp-client.ts'
import { expectIncreasing, ffmpeg, open, TEST_LIMIT_MS } from './rtmp-fixture.ts'

beforeAll(async () => {
  await recordingOf('plain')
}, TEST_LIMIT_MS)

describe('a real ffmpeg', () => {
  test(
    'publishes: tracks, every unit in order, and an end in order',
    async () => {
      await using fixture = await open()
      const { exited, errors } = ffmpeg('plain', fixture.server.port, 'live/key?token=1')
      expect(await exited).toBe(0)
      expect(await errors).toBe('')
      const [stream] = fixture.live.streams
      expect(await stream!.left).toBeUndefined()
      expect(stream!.streamKey).toBe('key')
      expect(stream!.publisher.remoteAddress).toBe('127.0.0.1')
      expect(stream!.publisher.software).toContain('Lavf')
      const [broadcast] = stream!.broadcasts
      expect(stream!.broadcasts).toHaveLength(1)
      expect(broadcast!.tracks).toMatchObject({
        video: { width: 160, height: 90, frameRate: 25, maxReorderFrames: 0 },
        audio: { sampleRate: 44_100, channels: 1, codecString: 'mp4a.40.2' },
      })
      const video = broadcast!.units.filter(unit => unit.track.kind === 'video')
      expect(video).toHaveLength(50)
      expect(video.filter(unit => unit.isKey)).toHaveLength(2)
      expect(broadcast!.units.length - video.length).toBeGreaterThan(80)
      expectIncreasing(broadcast!.units)
      expect(stream!.leftCount).toBe(1)
    },
    TEST_LIMIT_MS,
  )

  test(
    'publishes B-frames: presentation times leave decoding order, decoding times do not',
    async () => {
      await using fixture = await open()
      expect(await ffmpeg('bFrames', fixture.server.port).exited).toBe(0)
      const [stream] = fixture.live.streams
      await stream!.left
      const video = stream!.units.filter(unit => unit.track.kind === 'video')
      expect(video).toHaveLength(60)
      expect(video.some((unit, index) => index > 0 && unit.pts < video[index - 1]!.pts)).toBeTrue()
      expect(video.every(unit => unit.pts >= unit.dts)).toBeTrue()
      expect(new Set(video.map(unit => unit.pts)).size).toBe(60)
      expectIncreasing(stream!.units)
    },
    TEST_LIMIT_MS,
  )

  test(
    'publishes video alone',
    async () => {
      await using fixture = await open()
      expect(await ffmpeg('videoOnly', fixture.server.port).exited).toBe(0)
      const [stream] = fixture.live.streams
      await stream!.left
      expect(stream!.broadcasts.map(each => each.tracks.audio)).toEqual([undefined])
      expect(stream!.units).toHaveLength(25)
    },
    TEST_LIMIT_MS,
  )

  test.each([
    ['a wrong key', 'live/wrong', 'The stream key is wrong.'],
    ['a channel that is taken', 'live/taken', 'This channel is already live.'],
    ['another server path', 'stage/key', 'rtmp://HOST/live'],
  ])(
    'is told about %s',
    async (_, path, words) => {
      await using fixture = await open()
      const { exited, errors } = ffmpeg('videoOnly', fixture.server.port, path)
      expect(await exited).not.toBe(0)
      expect(await errors).toContain(words)
      expect(fixture.live.streams).toHaveLength(0)
    },
    TEST_LIMIT_MS,
  )

  test(
    'that is killed leaves with a cause',
    async () => {
      await using fixture = await open()
      const opening = fixture.live.next()
      const publisher = ffmpeg('large', fixture.server.port)
      const stream = await opening
      await stream.received(5)
      publisher.kill()
      expect(await stream.left).toBeInstanceOf(Error)
    },
    TEST_LIMIT_MS,
  )
})

describe('refusals', () => {
  test.each([
    ['wrong', 'NetStream.Publish.Denied'],
    ['taken', 'NetStream.Publish.BadName'],
    ['limited', 'NetStream.Publish.Rejected'],
    ['broken', 'NetStream.Publish.Rejected'],
  ])('%s: %s, as an error, and the connection is closed', async (streamKey, code) => {
    await using fixture = await open()
    const client = await RtmpClient.open(fixture.server.port)
    client.publish(streamKey)
    await client.ended
    expect(client.statuses).toMatchObject([{ code, level: 'error' }])
    expect(client.statuses[0]!.description).not.toContain('database')
  })

  test('a codec that cannot be carried is refused by name, with the setting', async () => {
    await using fixture = await open()
    const client = await RtmpClient.open(fixture.server.port)
    client.publish('key')
    await client.status('NetStream.Publish.Start')
    const payload = Uint8Array.from(Buffer.from('9076703039aabb', 'hex'))
    client.message({ typeId: 9, streamId: 1, timestamp: 0, payload })
    await client.ended
    expect(client.statuses.at(-1)).toMatchObject({ code: 'NetStream.Publish.Rejected', level: 'error' })
    expect(client.statuses.at(-1)!.description).toMatch(/VP9.*Video Encoder/)
    expect(await fixture.live.streams[0]!.left).toBeInstanceOf(AppError)
  })

  test('media sent behind a wrong key reaches nobody', async () => {
    await using fixture = await open()
    const { media } = await recordingOf('plain')
    const client = await RtmpClient.open(fixture.server.port)
    client.publish('wrong')
    client.message(controlMessage(SET_CHUNK_SIZE, 65_536))
    client.send(media.subarray(0, 40_000))
    await client.ended
    expect(client.statuses).toMatchObject([{ code: 'NetStream.Publish.Denied' }])
    expect(fixture.live.streams).toHaveLength(0)
  })

  test('the owner ends the stream: the publisher is told why, and closed', async () => {
    await using fixture = await open()
    const client = await RtmpClient.open(fixture.server.port)
    client.publish('key')
    await client.status('NetStream.Publish.Start')
    const { publisher, left } = fixture.live.streams[0]!
    const reason = new AppError('CONFLICT', 'stream_ended', 'The stream was ended by its owner.')
    publisher.disconnect(reason)
    publisher.disconnect(reason)
    await client.ended
    expect(client.statuses.at(-1)).toEqual({
      code: 'NetStream.Publish.Rejected',
      level: 'error',
      description: reason.message,
    })
    expect(await left).toBe(reason)
    expect(fixture.live.streams[0]!.leftCount).toBe(1)
  })

  test('without a playback, a viewer that asks to play finds nothing', async () => {
    await using fixture = await open()
    const client = await RtmpClient.open(fixture.server.port)
    client.connect()
    client.command('play', 5, null, 'slug')
    await client.ended
    expect(client.statuses).toMatchObject([{ code: 'NetStream.Play.StreamNotFound', level: 'error' }])
  })
})
