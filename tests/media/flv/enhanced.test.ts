import { describe, expect, test } from 'bun:test'
import type { AccessUnit, AudioTrack, VideoTrack } from '../../../media/access-unit.ts'
import { joinNalUnits } from '../../../media/codecs/h264.ts'
import { FlvDepacketizer } from '../../../media/flv/depacketizer.ts'
import { aacSequenceHeader, avcSequenceHeader } from '../../../media/flv/tag.ts'
import { ProtocolError } from '../../../media/protocol-error.ts'
import { AAC_48000, AV1, CONFIG, HEVC, hex, OPUS } from './configs.ts'
import { Feed, seconds, unitOf } from './feed.ts'

describe('several sounds', () => {
  const config = (trackId: string) => hex(`95 00 6d703461 ${trackId} 1190`)
  const frame = (trackId: string) => hex(`95 01 6d703461 ${trackId} aabb`)

  test('each is a track with its number and language, and has a clock of its own', () => {
    const feed = new Feed(AAC_48000)
    feed.depacketizer.hintLanguage(1, 'de')
    const [event] = feed.depacketizer.push('audio', 0, config('01'))
    expect(event).toMatchObject({ type: 'track', track: { trackId: 1, language: 'de', codec: 'aac' } })
    feed.audio(0)
    expect(unitOf(feed.depacketizer.push('audio', 500, frame('01')))).toMatchObject({
      dts: 24_000,
      track: (event as { track: AudioTrack }).track,
    })
    expect(feed.audio(21).dts).toBe(1024)
    expect(feed.audio(42).track).not.toHaveProperty('trackId')
    expect(unitOf(feed.depacketizer.push('audio', 521, frame('01'))).dts).toBe(25_024)
  })

  test('all follow when the encoder changes its clock', () => {
    const feed = new Feed(AAC_48000)
    feed.depacketizer.push('audio', 0, config('01'))
    feed.video(100_000)
    feed.audio(100_000)
    feed.depacketizer.push('audio', 100_000, frame('01'))
    const resumed = seconds(feed.video(0))
    expect(seconds(feed.audio(40))).toBeCloseTo(resumed + 0.04, 1)
    expect(seconds(unitOf(feed.depacketizer.push('audio', 40, frame('01'))))).toBeCloseTo(resumed + 0.04, 1)
  })

  test('at most eight are carried, and the default one always', () => {
    const depacketizer = new FlvDepacketizer()
    const carried = Array.from({ length: 255 }, (_, index) => {
      const trackId = (index + 1).toString(16).padStart(2, '0')
      return depacketizer.push('audio', 0, config(trackId))[0]!.type
    })
    expect(carried.filter(type => type === 'track')).toHaveLength(7)
    expect(depacketizer.push('audio', 0, aacSequenceHeader(AAC_48000))).toMatchObject([{ type: 'track' }])
  })

  test('one in a codec that is not carried is left out, and so is one of an unknown kind of AAC', () => {
    const { depacketizer } = new Feed()
    for (const body of ['95 00 664c6143 01 aabb', '95 00 6d703461 02 f94610'])
      expect(depacketizer.push('audio', 0, hex(body))).toEqual([{ type: 'skipped', reason: 'other_track' }])
  })
})

describe('Opus', () => {
  const header = Buffer.concat([hex('90 4f707573'), OPUS])
  /** CELT, stereo, 20 ms; 10 ms; two of 20 ms. */
  const frames = { ms20: '91 4f707573 fc aa', ms10: '91 4f707573 f4 aa', ms40: '91 4f707573 fd aa aa' }

  test('becomes a track with its first packet, which says how long packets are', () => {
    const depacketizer = new FlvDepacketizer()
    expect(depacketizer.push('audio', 0, header)).toEqual([])
    const events = depacketizer.push('audio', 0, hex(frames.ms20))
    expect(events).toMatchObject([
      { type: 'track', track: { codec: 'opus', channels: 2, sampleRate: 48_000, samplesPerUnit: 960 } },
      { type: 'unit', unit: { dts: 0, isKey: true, data: hex('fc aa') } },
    ])
    expect((events[0] as { track: AudioTrack }).track.decoderConfig).toEqual(OPUS)
    expect(depacketizer.push('audio', 0, header)).toEqual([])
    expect(depacketizer.push('audio', 20, hex(frames.ms20))).toHaveLength(1)
  })

  test('needs no header', () => {
    const events = new FlvDepacketizer().push('audio', 0, hex(frames.ms10))
    expect(events).toMatchObject([{ type: 'track', track: { samplesPerUnit: 480, channels: 2 } }, {}])
  })

  test('counts what each packet holds, whatever the milliseconds say, and follows the clock after a gap', () => {
    const depacketizer = new FlvDepacketizer()
    const times = (['ms20', 'ms10', 'ms40', 'ms20'] as const).map((name, index) => {
      const events = depacketizer.push('audio', [0, 21, 29, 71][index]!, hex(frames[name]))
      return (events.at(-1) as { unit: AccessUnit }).unit.pts
    })
    expect(times).toEqual([0, 960, 1440, 3360])
    expect(unitOf(depacketizer.push('audio', 5_000, hex(frames.ms20))).pts).toBe(240_000)
  })

  test('a packet that is none is refused', () => {
    for (const packet of ['ff', 'ff 00', '1f 3f'])
      expect(() => new FlvDepacketizer().push('audio', 0, hex(`91 4f707573 ${packet}`))).toThrow(
        ProtocolError,
      )
  })
})

describe('HEVC', () => {
  /** One NAL unit of this type. */
  const nal = (type: number) => Uint8Array.of(type << 1, 1, 0xaa)
  const [TRAIL, RASL, RADL, BLA, IDR_PICTURE, CRA] = [1, 8, 6, 16, 19, 21].map(nal) as Uint8Array[]

  function begin(config = HEVC) {
    const depacketizer = new FlvDepacketizer()
    const events = depacketizer.push('video', 0, Buffer.concat([hex('90 68766331'), config]))
    const frame = (timestampMs: number, nals: (Uint8Array | undefined)[], composition = '000000') => {
      const data = joinNalUnits(nals.map(each => each!))
      const body = Buffer.concat([hex(`91 68766331 ${composition}`), data])
      return depacketizer.push('video', timestampMs, body)[0]!
    }
    return { depacketizer, events, frame }
  }

  test('becomes a track, also by the codec number from before Enhanced RTMP', () => {
    const { events } = begin()
    const track = { codec: 'hevc', codecString: 'hvc1.1.6.L63.90', width: 640, height: 360, frameRate: 30 }
    expect(events).toMatchObject([{ type: 'track', track: { ...track, maxReorderFrames: 2, bitDepth: 8 } }])
    const old = new FlvDepacketizer().push('video', 0, Buffer.concat([hex('1c 00 000000'), HEVC]))
    expect(old).toEqual(events)
  })

  test('BLA, IDR and CRA pictures are key units; times and bytes stay', () => {
    const { frame } = begin()
    for (const [index, key] of [IDR_PICTURE, BLA, CRA].entries())
      expect(frame(index * 100, [key])).toMatchObject({ type: 'unit', unit: { isKey: true } })
    expect(frame(300, [TRAIL], '000042')).toMatchObject({
      unit: { isKey: false, dts: 27_000, pts: 32_940, data: joinNalUnits([TRAIL!]) },
    })
  })

  test('of the pictures that lead a CRA picture, those that nobody can decode at the beginning are left out', () => {
    const { frame } = begin()
    const types = [
      frame(0, [CRA]),
      frame(33, [RASL]),
      frame(66, [RADL]),
      frame(100, [TRAIL]),
      frame(133, [CRA]),
      frame(166, [RASL]),
    ].map(event => event.type)
    expect(types).toEqual(['unit', 'skipped', 'unit', 'unit', 'unit', 'unit'])
  })

  test('NAL lengths of other sizes become four bytes, in the frames and in the configuration', () => {
    const config = new Uint8Array(HEVC)
    config[21] = (config[21]! & 0xfc) | 1
    const { depacketizer, events } = begin(config)
    expect((events[0] as { track: VideoTrack }).track.decoderConfig).toEqual(HEVC)
    const body = Buffer.concat([hex('93 68766331 0003'), IDR_PICTURE!])
    expect(unitOf(depacketizer.push('video', 0, body)).data).toEqual(joinNalUnits([IDR_PICTURE!]))
  })

  test('may follow H.264 on the same connection, and frames of the old codec are left out', () => {
    const { depacketizer, frame } = begin()
    expect(depacketizer.push('video', 0, avcSequenceHeader(CONFIG))).toMatchObject([{ type: 'track' }])
    expect(frame(33, [IDR_PICTURE])).toEqual({ type: 'skipped', reason: 'no_config' })
  })
})

describe('AV1', () => {
  const [DELIMITER, SEQUENCE] = ['12 00', '0a0b0000000cc4ff6700be0010']
  const [KEY, INTER] = ['32 02 10 aa', '32 02 30 aa']

  function frame(body: string): AccessUnit {
    const depacketizer = new FlvDepacketizer()
    depacketizer.push('video', 0, Buffer.concat([hex('90 61763031'), AV1]))
    return unitOf(depacketizer.push('video', 40, hex(`91 61763031 ${body}`)))
  }

  test('becomes a track', () => {
    const events = new FlvDepacketizer().push('video', 0, Buffer.concat([hex('90 61763031'), AV1]))
    const track = { codec: 'av1', codecString: 'av01.0.01M.08', width: 640, height: 360, chroma: '4:2:0' }
    expect(events).toMatchObject([{ type: 'track', track: { ...track, decoderConfig: AV1 } }])
  })

  test.each([
    ['a key frame with its sequence header, untouched', `${SEQUENCE} ${KEY}`, true, `${SEQUENCE} ${KEY}`],
    ['without temporal delimiter', `${DELIMITER} ${SEQUENCE} ${KEY}`, true, `${SEQUENCE} ${KEY}`],
    ['with the sequence header of the configuration', `${DELIMITER} ${KEY}`, true, `${SEQUENCE} ${KEY}`],
    ['another frame', `${DELIMITER} ${INTER}`, false, INTER],
    ['a last unit without size', `${DELIMITER} 30 30 aa`, false, INTER],
  ] as const)('%s', (_, body, isKey, data) => {
    expect(frame(body)).toMatchObject({ isKey, dts: 3600, pts: 3600, data: hex(data) })
  })

  test('begins with the first key frame where the configuration has no sequence header', () => {
    const depacketizer = new FlvDepacketizer()
    const push = (body: string) => depacketizer.push('video', 0, hex(body))
    expect(push('90 61763031 81010c00')).toEqual([])
    expect(push(`91 61763031 ${INTER}`)).toEqual([{ type: 'skipped', reason: 'no_config' }])
    const events = push(`91 61763031 ${DELIMITER} ${SEQUENCE} ${KEY}`)
    expect(events).toMatchObject([
      { type: 'track', track: { codecString: 'av01.0.01M.08', decoderConfig: AV1 } },
      { type: 'unit', unit: { isKey: true } },
    ])
    expect(push('90 61763031 81010c00')).toEqual([])
    expect(push(`91 61763031 ${INTER}`)).toMatchObject([{ type: 'unit' }])
  })

  test('a unit longer than its message is refused', () => {
    expect(() => frame('32 05 10 aa')).toThrow(ProtocolError)
  })
})
