import { describe, expect, test } from 'bun:test'
import type { AudioTrack, VideoTrack } from '../../../media/access-unit.ts'
import { joinNalUnits } from '../../../media/codecs/h264.ts'
import { FlvDepacketizer } from '../../../media/flv/depacketizer.ts'
import { aacSequenceHeader, avcFrame, avcSequenceHeader } from '../../../media/flv/tag.ts'
import { ProtocolError } from '../../../media/protocol-error.ts'
import { AAC_44100, AAC_48000, BARE, CONFIG, hex, LARGER, OPUS_SURROUND } from './configs.ts'
import { Feed, SLICE, seconds, unitOf } from './feed.ts'

const IDR = Uint8Array.of(0x65, 1, 2, 3)

describe('tracks', () => {
  test('come with their configuration, and again only when it changes', () => {
    const depacketizer = new FlvDepacketizer()
    const first = depacketizer.push('video', 0, avcSequenceHeader(CONFIG))
    expect(first).toMatchObject([{ type: 'track', track: { kind: 'video', width: 320, height: 180 } }])
    expect(depacketizer.push('video', 0, avcSequenceHeader(CONFIG))).toEqual([])
    const second = depacketizer.push('video', 0, avcSequenceHeader(LARGER))
    expect(second).toMatchObject([{ type: 'track', track: { kind: 'video', width: 640, height: 360 } }])
    expect(depacketizer.push('audio', 0, aacSequenceHeader(AAC_44100))).toMatchObject([{ type: 'track' }])
    expect(depacketizer.push('audio', 0, aacSequenceHeader(AAC_44100))).toEqual([])
    expect(depacketizer.push('audio', 0, aacSequenceHeader(AAC_48000))).toMatchObject([{ type: 'track' }])
  })

  test('are the same whether the framing is legacy or extended', () => {
    const legacy = new FlvDepacketizer().push('video', 0, avcSequenceHeader(CONFIG))
    const extended = new FlvDepacketizer().push('video', 0, Buffer.concat([hex('90 61766331'), CONFIG]))
    expect(extended).toEqual(legacy)
    const modified = new FlvDepacketizer().push(
      'video',
      0,
      Buffer.concat([hex('97 02 0f4240 00 61766331'), CONFIG]),
    )
    expect(modified).toEqual(legacy)
  })

  test('take the frame rate from a hint where the SPS has none', () => {
    const depacketizer = new FlvDepacketizer()
    depacketizer.hintFrameRate(50)
    const events = depacketizer.push('video', 0, avcSequenceHeader(BARE))
    expect(events).toMatchObject([{ track: { frameRate: 50, maxReorderFrames: 0 } }])
  })

  test('other pictures than the first are skipped, in a message of their own or together with it', () => {
    const feed = new Feed()
    const push = (...parts: Uint8Array[]) => feed.depacketizer.push('video', 0, Buffer.concat(parts))
    expect(push(hex('96 00 68766331 01 aabb'))).toEqual([{ type: 'skipped', reason: 'other_track' }])
    const frame = joinNalUnits([IDR])
    const many = push(hex('96 23 61766331 00 000008'), frame, hex('68766331 01 000002 aabb'))
    expect(many).toMatchObject([{ type: 'unit', unit: { isKey: true, data: frame } }, { type: 'skipped' }])
  })

  test.each([
    ['video', '90 76703039 aa', 'vp09', 'VP9'],
    ['video', '96 00 76766331 00 aa', 'vvc1', 'VVC (H.266)'],
    ['video', '12 aa', 'flv:2', 'Sorenson H.263'],
    ['video', '90 3c623e21 aa', '<b>!', '?b??'],
    ['audio', '90 664c6143 aa', 'fLaC', 'FLAC'],
    ['audio', `90 4f707573 ${OPUS_SURROUND}`, 'Opus', 'Opus in surround'],
    ['audio', '2f aa', 'flv:2', 'MP3'],
    ['audio', 'af 00 f94610', 'mp4a', 'this kind of AAC'],
  ] as const)('%s in a codec that is not carried: %s', (kind, body, codec, name) => {
    expect(new FlvDepacketizer().push(kind, 0, hex(body))).toEqual([
      { type: 'unsupported', kind, codec, name },
    ])
  })
})

describe('units', () => {
  test('are key units when they hold an IDR picture, whatever the tag says', () => {
    const feed = new Feed()
    expect(feed.video(0, 0, [IDR]).isKey).toBeTrue()
    expect(
      feed.video(33, 0, [Uint8Array.of(9, 0xf0), Uint8Array.of(0x67, 1), Uint8Array.of(0x68, 1), IDR]).isKey,
    ).toBeTrue()
    expect(feed.video(66, 0, [SLICE]).isKey).toBeFalse()
    const marked = avcFrame({ isKey: true, compositionMs: 0, data: joinNalUnits([SLICE]) })
    expect(unitOf(feed.depacketizer.push('video', 99, marked)).isKey).toBeFalse()
  })

  test('are not copied when their NAL lengths have 4 bytes, and get them when not', () => {
    const feed = new Feed()
    const body = avcFrame({ isKey: true, compositionMs: 0, data: joinNalUnits([IDR]) })
    expect(unitOf(feed.depacketizer.push('video', 0, body)).data.buffer).toBe(body.buffer)
    const twoByteLengths = new Uint8Array(CONFIG)
    twoByteLengths[4] = 0xfd
    const [event] = feed.depacketizer.push('video', 0, avcSequenceHeader(twoByteLengths))
    expect((event as { track: VideoTrack }).track.decoderConfig[4]).toBe(0xff)
    const short = avcFrame({
      isKey: true,
      compositionMs: 0,
      data: Uint8Array.of(0, 4, ...IDR, 0, 4, ...SLICE),
    })
    expect(unitOf(feed.depacketizer.push('video', 33, short)).data).toEqual(joinNalUnits([IDR, SLICE]))
  })

  test('carry presentation times, before and after decoding', () => {
    const feed = new Feed()
    expect(feed.video(1000, 66)).toMatchObject({ dts: 90_000, pts: 95_940 })
    expect(feed.video(1033, -33)).toMatchObject({ dts: 92_970, pts: 90_000 })
  })

  test('without configuration, empty, and at the end of a sequence make no unit', () => {
    const depacketizer = new FlvDepacketizer()
    expect(depacketizer.push('video', 0, hex('17 01 000000 00000001 65'))).toEqual([
      { type: 'skipped', reason: 'no_config' },
    ])
    expect(depacketizer.push('audio', 0, hex('af 01 aa'))).toEqual([{ type: 'skipped', reason: 'no_config' }])
    const feed = new Feed()
    expect(feed.depacketizer.push('video', 0, hex('17 01 000000'))).toEqual([
      { type: 'skipped', reason: 'empty' },
    ])
    expect(feed.depacketizer.push('video', 0, hex('17 02 000000'))).toEqual([])
    expect(feed.depacketizer.push('audio', 0, hex('af 01'))).toEqual([{ type: 'skipped', reason: 'empty' }])
  })

  test('whose NAL lengths lead astray are refused', () => {
    expect(() => new Feed().depacketizer.push('video', 0, hex('17 01 000000 000000ff 65'))).toThrow(
      ProtocolError,
    )
  })
})

describe('the time line', () => {
  test.each([44_100, 48_000])('audio at %d Hz counts samples, though FLV rounds to milliseconds', rate => {
    const feed = new Feed(rate === 44_100 ? AAC_44100 : AAC_48000)
    for (let index = 0; index < 5_000; index++)
      expect(feed.audio(Math.floor((index * 1024 * 1000) / rate)).dts).toBe(index * 1024)
  })

  test('audio follows the clock after a gap, and keeps its order when the clock is slow', () => {
    const feed = new Feed(AAC_48000)
    expect(feed.audio(0).dts).toBe(0)
    expect(feed.audio(21).dts).toBe(1024)
    expect(feed.audio(500).dts).toBe(24_000)
    expect(feed.audio(521).dts).toBe(25_024)
    let last = 25_024
    for (let index = 1; index <= 500; index++) {
      const { dts } = feed.audio(521 + index * 20)
      expect(dts).toBeGreaterThan(last)
      expect(Math.abs(dts - (521 + index * 20) * 48)).toBeLessThan(1024 + 100)
      last = dts
    }
  })

  test('goes on past 2^32 ms, with both tracks on either side of the wrap', () => {
    const feed = new Feed()
    const wrap = 2 ** 32
    const start = seconds(feed.video(wrap - 100))
    expect(seconds(feed.audio(wrap - 90))).toBeCloseTo(start + 0.01, 2)
    expect(seconds(feed.video(wrap + 10))).toBeCloseTo(start + 0.11, 3)
    expect(seconds(feed.audio(wrap - 67))).toBeCloseTo(start + 0.033, 2)
    expect(seconds(feed.audio(wrap + 30))).toBeCloseTo(start + 0.13, 2)
    expect(seconds(feed.video(wrap + 43))).toBeCloseTo(start + 0.143, 3)
  })

  test.each([
    ['back to 0', 0],
    ['back by two seconds', 98_000],
    ['an hour ahead', 3_700_000],
    ['almost a full turn ahead', 4_000_000_000],
  ])('an encoder whose clock jumps %s goes on where it was, lips matching', (_, restart) => {
    const feed = new Feed()
    let last = 0
    for (let index = 0; index < 10; index++) {
      last = seconds(feed.video(100_000 + index * 40))
      feed.audio(100_000 + index * 40)
    }
    const resumed = seconds(feed.video(restart))
    expect(resumed).toBeGreaterThan(last)
    expect(resumed).toBeLessThan(last + 0.1)
    // sound from before the jump may still arrive
    expect(seconds(feed.audio(100_400))).toBeCloseTo(100.4, 1)
    for (let index = 1; index < 50; index++) {
      const video = seconds(feed.video(restart + index * 40))
      const audio = seconds(feed.audio(restart + index * 40))
      expect(video).toBeCloseTo(resumed + index * 0.04, 3)
      expect(Math.abs(audio - video)).toBeLessThan(0.06)
    }
  })

  test('one wild time stamp costs nothing', () => {
    const feed = new Feed()
    feed.video(1000)
    feed.video(1040)
    feed.video(3_000_000_000)
    expect(feed.video(1120).dts).toBe(1120 * 90)
    expect(seconds(feed.audio(1120))).toBeCloseTo(1.12, 2)
  })

  test('decoding times increase though time stamps repeat or step back a little', () => {
    const feed = new Feed()
    const times = [0, 40, 40, 30, 80, 75, 120].map(timestampMs => feed.video(timestampMs).dts)
    for (let index = 1; index < times.length; index++)
      expect(times[index]!).toBeGreaterThan(times[index - 1]!)
    expect(times.at(-1)).toBe(120 * 90)
  })

  test('starts where the publisher starts, so that what is read back keeps its time', () => {
    const feed = new Feed()
    expect(feed.video(5_000_000).dts).toBe(450_000_000)
    expect((feed.audio(5_000_000).track as AudioTrack).timescale).toBe(44_100)
  })
})
