import { describe, expect, test } from 'bun:test'
import { AppError } from '../../src/errors.ts'
import { parseWhipOffer } from '../../src/webrtc/whip-offer.ts'
import { mutate, seededRandom } from '../media/rtmp/random.ts'
import { h264, offer, opus, type Section, together } from './offers.ts'
import {
  activeOffer,
  browserOffer,
  EXTENSIONS,
  obsOffer,
  sending,
  simulcastOffer,
  unbundledOffer,
} from './whip-offers.ts'

const rtx: Section = { payloadTypes: [109], lines: ['a=rtpmap:109 rtx/90000', 'a=fmtp:109 apt=108'] }
const vp8: Section = { payloadTypes: [120], lines: ['a=rtpmap:120 VP8/90000'] }
const sources = ['a=ssrc-group:FID 7 8', 'a=ssrc:7 cname:x', 'a=ssrc:8 cname:x']

function video(...sections: Section[]) {
  return parseWhipOffer(offer(sections)).media.find(media => media.kind === 'video')!
}

describe('what a publisher offers', () => {
  test('is taken as it is numbered: payload types, header extensions, and the feedback both know', () => {
    const { media } = parseWhipOffer(browserOffer)
    expect(media.map(each => [each.kind, each.mid, each.rtp.codecs.map(codec => codec.payloadType)])).toEqual(
      [
        ['video', '0', [108]],
        ['audio', '1', [111]],
      ],
    )
    // mediasoup would not turn the picture, so the browser shall.
    expect(media[0]!.rtp.headerExtensions!.map(extension => extension.id)).toEqual([2, 4, 9, 10, 11])
    expect(media[0]!.rtp.codecs[0]!.rtcpFeedback).toEqual([
      { type: 'nack', parameter: '' },
      { type: 'nack', parameter: 'pli' },
    ])
    expect(media[0]!.rtp.encodings).toEqual([{}])
  })

  test('may tell its sources instead of header extensions, as OBS does', () => {
    const { media } = parseWhipOffer(obsOffer)
    expect(media.map(each => [each.mid, each.rtp.encodings])).toEqual([
      ['audio', [{ ssrc: 1234 }]],
      ['video', [{ ssrc: 1235 }]],
    ])
  })

  test('may repair itself, where it says from which source', () => {
    const repaired = video(sending(together(h264(108), rtx), [...EXTENSIONS, ...sources]))
    expect(repaired.rtp.codecs.map(codec => codec.payloadType)).toEqual([108, 109])
    expect(repaired.rtp.encodings).toEqual([{ ssrc: 7, rtx: { ssrc: 8 } }])
    const unknown = video(sending(together(h264(108), rtx), ['a=ssrc:7 cname:x']))
    expect(unknown.rtp.codecs.map(codec => codec.payloadType)).toEqual([108])
    expect(unknown.rtp.encodings).toEqual([{ ssrc: 7 }])
    const unsaid = video(sending(h264(108), [...EXTENSIONS, ...sources]))
    expect(unsaid.rtp.encodings).toEqual([{ ssrc: 7 }])
  })

  test('of several layers is the first', () => {
    const [media] = parseWhipOffer(simulcastOffer).media
    expect(media).toMatchObject({ rid: 'h', rtp: { encodings: [{ rid: 'h' }] } })
  })

  const preferences: { name: string; section: Section; payloadType: number }[] = [
    {
      name: 'constrained baseline',
      section: together(h264(102, '64001f'), h264(108), h264(110, '4d001f')),
      payloadType: 108,
    },
    {
      name: 'another profile where that is all',
      section: together(vp8, h264(110, 'f4001f')),
      payloadType: 110,
    },
    {
      name: 'packetization-mode 1',
      section: together(h264(97, '42e01f', 0), h264(98, '42e01f')),
      payloadType: 98,
    },
  ]
  for (const { name, section, payloadType } of preferences)
    test(`is preferred in ${name}`, () => {
      expect(video(sending(section)).rtp.codecs[0]!.payloadType).toBe(payloadType)
    })

  test('may come from a client that is only the DTLS client', () => {
    expect(parseWhipOffer(activeOffer).dtls.role).toBe('client')
  })

  test('asks for bandwidth estimation by packet only where packets are numbered', () => {
    const feedback = {
      ...h264(108),
      lines: [...h264(108).lines!, 'a=rtcp-fb:* transport-cc', 'a=rtcp-fb:108 goog-remb'],
    }
    const types = (section: Section) =>
      section && video(section).rtp.codecs[0]!.rtcpFeedback!.map(each => each.type)
    expect(types(sending(feedback))).toContain('transport-cc')
    expect(types(sending(feedback, ['a=ssrc:7 cname:x']))).toEqual(['nack', 'nack', 'goog-remb'])
  })
})

test('numbers where words should stand are no reason to fail', () => {
  const lines = [
    'a=fmtp:109 5',
    'a=ssrc-group:FID 7',
    'a=rtpmap:7 5/90000',
    'a=rtcp-fb:* 5',
    'a=rid:0 send',
    'a=simulcast:send 0',
  ]
  const { media } = parseWhipOffer(offer([sending(h264(108), [...EXTENSIONS, ...lines])]))
  expect(media[0]).toMatchObject({ rid: '0' })
  const odd = () => parseWhipOffer(offer([sending(h264(108), ['a=fmtp:108 5'])]))
  expect(odd).toThrow(AppError)
  expect(() => parseWhipOffer(offer([sending(h264(108))], ['a=fingerprint:1 2']))).toThrow(AppError)
})

test('mutated offers are read or refused, and nothing else', () => {
  const random = seededRandom(17)
  const originals = [browserOffer, obsOffer, simulcastOffer].map(sdp => new TextEncoder().encode(sdp))
  let accepted = 0
  for (let round = 0; round < 6_000; round++) {
    const sdp = new TextDecoder().decode(mutate(originals[round % 3]!, random))
    try {
      parseWhipOffer(sdp)
      accepted++
    } catch (error) {
      expect(error).toBeInstanceOf(AppError)
    }
  }
  expect(accepted).toBeGreaterThan(100)
})

const refused: { name: string; sdp: string; reason?: string }[] = [
  { name: 'no SDP', sdp: 'hello', reason: 'offer_invalid' },
  { name: 'no media', sdp: offer([]), reason: 'offer_invalid' },
  { name: 'no fingerprint', sdp: offer([sending(h264(108))], []), reason: 'offer_invalid' },
  {
    name: 'two sections of one mid',
    sdp: offer([sending({ ...h264(108), mid: 'a' }), sending({ ...opus(111), mid: 'a' })]),
    reason: 'offer_invalid',
  },
  { name: 'sound alone', sdp: offer([sending(opus(111))]) },
  { name: 'VP8', sdp: offer([sending(vp8), sending(opus(111))]) },
  { name: 'H.264 in packetization-mode 0', sdp: offer([sending(h264(108, '42e01f', 0))]) },
  {
    name: 'other sound than Opus',
    sdp: offer([sending(h264(108)), sending({ kind: 'audio', payloadTypes: [0] })]),
  },
  { name: 'two pictures', sdp: offer([sending(h264(108)), sending(h264(108))]) },
  { name: 'a section that wants to receive', sdp: offer([sending(h264(108)), opus(111)]) },
  { name: 'a data channel', sdp: offer([sending(h264(108)), { kind: 'application' }]) },
  { name: 'no BUNDLE group', sdp: unbundledOffer },
  { name: 'neither MID extension nor sources', sdp: offer([sending(h264(108), [])]) },
]
for (const { name, sdp, reason = 'offer_unsupported' } of refused)
  test(`an offer of ${name} is refused as a whole`, () => {
    let thrown: unknown
    try {
      parseWhipOffer(sdp)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(AppError)
    expect(thrown).toMatchObject({ kind: 'INVALID', reason })
  })
