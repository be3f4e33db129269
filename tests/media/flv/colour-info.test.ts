import { describe, expect, test } from 'bun:test'
import type { VideoTrack } from '../../../media/access-unit.ts'
import { readColourInfo } from '../../../media/flv/colour-info.ts'
import { FlvDepacketizer } from '../../../media/flv/depacketizer.ts'
import { avcFrame, avcSequenceHeader, extendedFrame, extendedSequenceHeader } from '../../../media/flv/tag.ts'
import { ProtocolError } from '../../../media/protocol-error.ts'
import { type AmfValue, encodeAmf0 } from '../../../media/rtmp/amf0.ts'
import { COLOUR_INFO, colourMessage, HDR10 } from '../hdr.ts'
import { BARE, HEVC } from './configs.ts'

const { isFullRange: _, ...told } = HDR10
const { colorConfig, hdrMdcv, hdrCll } = COLOUR_INFO
const { mastering, lightLevel, ...codePoints } = told

describe('what is said of colours', () => {
  const table: readonly { name: string; values: AmfValue[]; info: object | undefined }[] = [
    { name: 'all of HDR10', values: ['colorInfo', COLOUR_INFO], info: told },
    { name: 'code points alone', values: ['colorInfo', { colorConfig }], info: codePoints },
    { name: 'a display alone', values: ['colorInfo', { hdrMdcv }], info: { mastering } },
    {
      name: 'the last of two',
      values: ['colorInfo', { hdrMdcv }, 'colorInfo', { hdrCll }],
      info: { lightLevel },
    },
    { name: 'nothing, which takes back', values: ['colorInfo', undefined], info: {} },
    { name: 'another name', values: ['other', COLOUR_INFO], info: undefined },
    { name: 'no value', values: ['colorInfo'], info: {} },
    {
      name: 'what cannot be',
      values: [
        'colorInfo',
        {
          colorConfig: { colorPrimaries: 256, transferCharacteristics: 1.5, matrixCoefficients: 'x' },
          hdrCll: { maxFall: -1, maxCLL: 70_000 },
          hdrMdcv: { ...hdrMdcv, redX: Number.NaN },
        },
      ],
      info: {},
    },
    {
      name: 'a display without white',
      values: ['colorInfo', { hdrMdcv: { redX: 0.5, redY: 0.5 } }],
      info: {},
    },
    {
      name: 'a display that is darker than dark',
      values: ['colorInfo', { hdrMdcv: { ...hdrMdcv, minLuminance: 2000 } }],
      info: {},
    },
    { name: 'unspecified', values: ['colorInfo', { colorConfig: { colorPrimaries: 2 } }], info: {} },
  ]
  test.each(table)('$name', ({ values, info }) => {
    expect(readColourInfo(encodeAmf0(...values))).toEqual(info)
  })

  test('that is cut off is garbage', () => {
    const bytes = encodeAmf0('colorInfo', COLOUR_INFO)
    for (let length = 1; length < bytes.byteLength; length++) {
      const read = () => readColourInfo(bytes.subarray(0, length))
      // A name alone is whole.
      if (length === 12) expect(read()).toEqual({})
      else expect(read).toThrow(ProtocolError)
    }
  })
})

describe('the track', () => {
  const frame = (isKey: boolean) =>
    avcFrame({ isKey, compositionMs: 0, data: Uint8Array.of(0, 0, 0, 1, isKey ? 0x65 : 0x41) })
  const shown = (depacketizer: FlvDepacketizer, isKey: boolean, at: number) =>
    depacketizer.push('video', at, frame(isKey)).map(event => {
      if (event.type === 'track') return ['track', (event.track as VideoTrack).colour]
      return event.type === 'unit' ? ['unit', (event.unit.track as VideoTrack).colour] : [event.type]
    })

  test.each(['before', 'after'])('has what was said %s its configuration, with its first picture', order => {
    const depacketizer = new FlvDepacketizer()
    const config = extendedSequenceHeader('hvc1', HEVC)
    const messages =
      order === 'before' ? [colourMessage(COLOUR_INFO), config] : [config, colourMessage(COLOUR_INFO)]
    const events = messages.flatMap(message => depacketizer.push('video', 0, message))
    const data = Uint8Array.of(0, 0, 0, 3, 0x26, 1, 0)
    events.push(
      ...depacketizer.push(
        'video',
        0,
        extendedFrame({ fourCc: 'hvc1', isKey: true, compositionMs: 0, data }),
      ),
    )
    expect(events.filter(({ type }) => type === 'track')).toHaveLength(order === 'before' ? 1 : 2)
    expect(events.at(-1)).toMatchObject({ type: 'unit', unit: { track: { codec: 'hevc', colour: HDR10 } } })
  })

  test('changes with the next key frame, and only where something is different', () => {
    const depacketizer = new FlvDepacketizer()
    depacketizer.push('video', 0, avcSequenceHeader(BARE))
    expect(shown(depacketizer, true, 0)).toEqual([['unit', undefined]])
    expect(depacketizer.push('video', 33, colourMessage(COLOUR_INFO, 'avc1'))).toEqual([])
    expect(shown(depacketizer, false, 33)).toEqual([['unit', undefined]])
    expect(shown(depacketizer, true, 66)).toEqual([
      ['track', HDR10],
      ['unit', HDR10],
    ])
    // The same again, of another track, of another codec's words: nothing new.
    depacketizer.push('video', 99, colourMessage(COLOUR_INFO, 'avc1'))
    depacketizer.push(
      'video',
      99,
      Uint8Array.of(0x96, 0x04, ...Buffer.from('avc1'), 1, ...encodeAmf0('colorInfo', {})),
    )
    expect(shown(depacketizer, true, 99)).toEqual([['unit', HDR10]])
    // An empty one takes it back.
    depacketizer.push('video', 132, colourMessage({}, 'avc1'))
    expect(shown(depacketizer, true, 132)).toEqual([
      ['track', undefined],
      ['unit', undefined],
    ])
  })
})
