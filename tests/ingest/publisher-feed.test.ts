import { describe, expect, test } from 'bun:test'
import type { Tracks } from '../../media/access-unit.ts'
import { joinNalUnits } from '../../media/codecs/h264.ts'
import { aacFrame, aacSequenceHeader, avcFrame, avcSequenceHeader } from '../../media/flv/tag.ts'
import type { PublisherMetadata } from '../../media/rtmp/metadata.ts'
import { AppError } from '../../src/errors.ts'
import { PublisherFeed } from '../../src/ingest/publisher-feed.ts'
import { AAC_44100, AAC_48000, CONFIG, hex, LARGER, OPUS_SURROUND } from '../media/flv/configs.ts'
import { FakeStream } from './fake-live.ts'

/** A feed into a stream that remembers. */
class Fixture {
  readonly stream = new FakeStream(
    { streamKey: 'key', isBackup: false },
    { remoteAddress: '127.0.0.1', disconnect: () => {} },
  )
  readonly feed = new PublisherFeed(tracks => this.stream.start(tracks))

  get broadcasts() {
    return this.stream.broadcasts
  }

  metadata(metadata: Partial<PublisherMetadata>): this {
    const nothing = {
      frameRate: undefined,
      encoder: undefined,
      videoCodecId: undefined,
      audioCodecId: undefined,
      sounds: [],
    }
    this.feed.metadata({ ...nothing, ...metadata })
    return this
  }

  videoConfig(config = CONFIG): this {
    this.feed.write('video', 0, avcSequenceHeader(config))
    return this
  }

  audioConfig(config = AAC_44100): this {
    this.feed.write('audio', 0, aacSequenceHeader(config))
    return this
  }

  /** A further sound: its configuration, or a frame. */
  sound(trackId: number, timestampMs?: number, config = '1190'): this {
    const id = trackId.toString(16).padStart(2, '0')
    const [packetType, data] = timestampMs === undefined ? ['00', config] : ['01', 'aabb']
    this.feed.write('audio', timestampMs ?? 0, hex(`95 ${packetType} 6d703461 ${id} ${data}`))
    return this
  }

  video(timestampMs: number, isKey = false, bytes = 3): this {
    const nal = new Uint8Array(bytes).fill(1)
    nal[0] = isKey ? 0x65 : 0x41
    this.feed.write('video', timestampMs, avcFrame({ isKey, compositionMs: 0, data: joinNalUnits([nal]) }))
    return this
  }

  audio(timestampMs: number): this {
    this.feed.write('audio', timestampMs, aacFrame(Uint8Array.of(1)))
    return this
  }
}

describe('before the tracks are known', () => {
  test('it waits for both when both are announced, and loses nothing meanwhile', () => {
    const { broadcasts, ...fixture } = withVideo({ videoCodecId: 7, audioCodecId: 10 })
    fixture.feed.video(0, true).video(2_000)
    expect(broadcasts).toHaveLength(0)
    fixture.feed.audioConfig().audio(2_000)
    expect(broadcasts).toHaveLength(1)
    expect(broadcasts[0]!.tracks.audio).toBeDefined()
    expect(broadcasts[0]!.units.map(unit => unit.track.kind)).toEqual(['video', 'video', 'audio'])
  })

  test('it starts at once without sound when the metadata names video alone', () => {
    const { broadcasts, feed } = withVideo({ videoCodecId: 7 })
    feed.video(0, true)
    expect(broadcasts).toHaveLength(1)
    expect(broadcasts[0]!.tracks.audio).toBeUndefined()
  })

  test('it starts without sound after a second of media when nothing was announced', () => {
    const { broadcasts, feed } = withVideo()
    feed.video(0, true).video(990)
    expect(broadcasts).toHaveLength(0)
    feed.video(1_000)
    expect(broadcasts[0]!.units).toHaveLength(3)
  })

  test('it starts without sound after five seconds when sound was announced and does not come', () => {
    const { broadcasts, feed } = withVideo({ videoCodecId: 7, audioCodecId: 10 })
    feed.video(0, true).video(4_990)
    expect(broadcasts).toHaveLength(0)
    feed.video(5_000)
    expect(broadcasts).toHaveLength(1)
  })

  test('it starts without sound when it would have to hold too much', () => {
    const { broadcasts, feed } = withVideo({ videoCodecId: 7, audioCodecId: 10 })
    for (let index = 0; index < 4; index++) feed.video(index, index === 0, 5 * 1024 * 1024)
    expect(broadcasts).toHaveLength(1)
    expect(broadcasts[0]!.units).toHaveLength(4)
  })

  test('sound without video is held within bounds, and refused in plain words at the end', () => {
    const fixture = new Fixture().audioConfig()
    for (let index = 0; index < 5_000; index++) fixture.audio(index * 23)
    expect(() => fixture.feed.stopWaiting()).toThrow('Video Encoder')
    fixture.videoConfig().video(115_000, true)
    expect(fixture.broadcasts[0]!.units.length).toBeLessThanOrEqual(2_001)
  })

  test('when the time is over it starts with the video that is known', () => {
    const { broadcasts, feed } = withVideo({ audioCodecId: 10 })
    feed.feed.stopWaiting()
    feed.feed.stopWaiting()
    expect(broadcasts).toHaveLength(1)
  })

  test.each([
    ['video', '90 76703039 aa', 'video_codec_unsupported', /VP9.*Video Encoder.*H\.264/],
    ['audio', '90 664c6143 aa', 'audio_codec_unsupported', /FLAC.*Audio Encoder.*AAC/],
    ['audio', `90 4f707573 ${OPUS_SURROUND}`, 'audio_codec_unsupported', /Opus.*Channels.*Stereo/],
  ] as const)('refuses %s in another codec, naming it and the setting', (kind, body, reason, words) => {
    const fixture = new Fixture()
    try {
      fixture.feed.write(kind, 0, hex(body))
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(AppError)
      expect(error).toMatchObject({ kind: 'INVALID', reason })
      expect((error as Error).message).toMatch(words)
    }
  })
})

describe('when a track changes', () => {
  test('it starts anew at the next key frame, and mixes nothing', () => {
    const fixture = new Fixture().videoConfig().audioConfig().video(0, true).audio(0)
    fixture.videoConfig(LARGER).video(40).audio(23).video(80, true).audio(46).video(120)
    const [before, after] = fixture.broadcasts
    expect(fixture.broadcasts).toHaveLength(2)
    expect(before!.units).toHaveLength(3)
    expect(after!.tracks.video.width).toBe(640)
    expect(after!.tracks.audio).toBe(before!.tracks.audio!)
    expect(after!.units.map(unit => unit.isKey && unit.track.kind)).toEqual(['video', 'audio', false])
    for (const { tracks, units } of fixture.broadcasts)
      for (const unit of units) expect([tracks.video, tracks.audio]).toContain(unit.track as never)
  })

  test('sound that changes, or comes late, joins at the next key frame', () => {
    const fixture = new Fixture().metadata({ videoCodecId: 7 }).videoConfig().video(0, true)
    fixture.audioConfig().audio(10).video(40).video(80, true).audio(90)
    fixture.audioConfig(AAC_48000).audio(100).video(120, true).audio(130)
    expect(fixture.broadcasts.map(each => each.tracks.audio?.sampleRate)).toEqual([undefined, 44_100, 48_000])
    expect(fixture.broadcasts.map(each => each.units.length)).toEqual([2, 2, 2])
  })

  test('a repeated configuration changes nothing', () => {
    const fixture = new Fixture().videoConfig().audioConfig().video(0, true)
    fixture.videoConfig().audioConfig().video(40, true)
    expect(fixture.broadcasts).toHaveLength(1)
  })
})

describe('several sounds', () => {
  const ids = ({ tracks }: { tracks: Tracks }) =>
    [tracks.audio, ...(tracks.alternateAudio ?? [])].map(each => each?.trackId ?? 0)

  test('those whose configurations come before the first frame belong to the first broadcast', () => {
    const fixture = new Fixture().videoConfig().audioConfig().sound(2).sound(1)
    fixture.video(0, true).audio(0).sound(1, 0).sound(2, 0)
    expect(fixture.broadcasts.map(ids)).toEqual([[0, 1, 2]])
    expect(fixture.broadcasts[0]!.units).toHaveLength(4)
  })

  test('those that the metadata announces are waited for, and carry their language', () => {
    const sounds = [{ trackId: 1, language: 'fr' }]
    const fixture = new Fixture().metadata({ videoCodecId: 7, audioCodecId: 10, sounds })
    fixture.videoConfig().audioConfig().video(0, true).audio(0).video(4_000)
    expect(fixture.broadcasts).toHaveLength(0)
    fixture.sound(1)
    expect(fixture.broadcasts[0]!.tracks.alternateAudio).toMatchObject([{ trackId: 1, language: 'fr' }])
    const silent = new Fixture().metadata({ videoCodecId: 7, audioCodecId: 10, sounds })
    silent.videoConfig().audioConfig().video(0, true).video(5_000)
    expect(silent.broadcasts.map(ids)).toEqual([[0]])
  })

  test('one that comes late joins at the next key frame', () => {
    const fixture = new Fixture().videoConfig().audioConfig().video(0, true)
    fixture.sound(1).sound(1, 20).video(40).video(80, true).sound(1, 90)
    expect(fixture.broadcasts.map(ids)).toEqual([[0], [0, 1]])
    expect(fixture.broadcasts[1]!.units.map(unit => unit.track.kind)).toEqual(['video', 'audio'])
  })

  test('one that keeps changing does not keep cutting the stream, and the others go on', () => {
    const fixture = new Fixture().videoConfig().audioConfig().sound(1).video(0, true)
    for (let index = 1; index <= 50; index++)
      fixture
        .sound(1, undefined, index % 2 ? '1210' : '1190')
        .video(index * 40, true)
        .audio(index * 40)
    expect(fixture.broadcasts).toHaveLength(9)
    expect(fixture.broadcasts.at(-1)!.units.length).toBeGreaterThan(80)
    // What really matters still counts.
    fixture.videoConfig(LARGER).video(4_000, true)
    expect(fixture.broadcasts).toHaveLength(10)
  })

  test('where there is none for everybody, the first of them is', () => {
    const fixture = new Fixture().videoConfig().sound(3).sound(2).video(0, true)
    expect(fixture.broadcasts.map(ids)).toEqual([[2, 3]])
    fixture.audioConfig().video(40, true)
    expect(fixture.broadcasts.map(ids)).toEqual([
      [2, 3],
      [0, 2, 3],
    ])
  })
})

function withVideo(metadata: Partial<PublisherMetadata> = {}) {
  const feed = new Fixture().metadata(metadata).videoConfig()
  return { feed, broadcasts: feed.broadcasts }
}
