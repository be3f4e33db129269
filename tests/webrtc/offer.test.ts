import { describe, expect, test } from 'bun:test'
import { AppError } from '../../src/errors.ts'
import { parseAnswer, parseOffer, signatureOf } from '../../src/webrtc/offer.ts'
import { openBrowser } from '../support/browser.ts'
import { FINGERPRINT, firefoxOffer, h264, offer, opus, SESSION, safariOffer, together } from './offers.ts'

function signature(sdp: string) {
  return signatureOf(parseOffer(sdp))
}

function refusal(read: () => unknown): string {
  try {
    read()
  } catch (error) {
    if (error instanceof AppError && error.status === 400) return error.reason
    throw error
  }
  return 'accepted'
}

test('the payload types of a real Chromium are read as its own rtpmap lines say', async () => {
  await using browser = await openBrowser()
  const page = await browser.newPage('about:blank')
  const sdp = await page.page.evaluate(async () => {
    const connection = new RTCPeerConnection()
    connection.addTransceiver('video', { direction: 'recvonly' })
    connection.addTransceiver('audio', { direction: 'recvonly' })
    connection.createDataChannel('chat')
    await connection.setLocalDescription()
    return connection.localDescription!.sdp
  })
  const { videoPayloadType, audioPayloadType } = signature(sdp)
  expect(sdp).toContain(`a=rtpmap:${videoPayloadType} H264/90000`)
  expect(sdp).toMatch(new RegExp(`a=fmtp:${videoPayloadType} .*packetization-mode=1;profile-level-id=42e01f`))
  expect(sdp).toContain(`a=rtpmap:${audioPayloadType} opus/48000/2`)
  const { media, dtls, iceUfrag } = parseOffer(sdp)
  expect(media[0]!.profileLevelId).toBe('42e01f')
  expect(media.map(({ kind, mid }) => `${mid} ${kind}`)).toEqual(['0 video', '1 audio', '2 application'])
  expect(media[2]).toMatchObject({ protocol: 'UDP/DTLS/SCTP', payloadType: undefined })
  expect(dtls.role).toBe('client')
  expect(sdp).toContain(`a=fingerprint:sha-256 ${dtls.fingerprints[0]!.value}`)
  expect(sdp).toContain(`a=ice-ufrag:${iceUfrag}`)
})

const signatures: { name: string; sdp: string; signature: [number, string | undefined, number] }[] = [
  { name: 'Firefox', sdp: firefoxOffer, signature: [126, '42e01f', 109] },
  { name: 'Safari', sdp: safariOffer, signature: [98, '42e01f', 111] },
  { name: 'audio alone', sdp: offer([opus(63)]), signature: [102, undefined, 63] },
  { name: 'audio alone where video would be', sdp: offer([opus(102)]), signature: [103, undefined, 102] },
  { name: 'video alone where audio would be', sdp: offer([h264(102)]), signature: [102, '42e01f', 103] },
  { name: 'High alone', sdp: offer([h264(41, '640032'), opus(111)]), signature: [41, '640032', 111] },
  {
    name: 'the profile decoded most surely, wherever it stands',
    sdp: offer([together(h264(96, '640c1f'), h264(97, '4d001f'), h264(98, '42E034')), opus(111)]),
    signature: [98, '42e034', 111],
  },
  {
    name: 'no packetization-mode 1, so sound alone',
    sdp: offer([h264(96, '42e01f', 0), opus(111)]),
    signature: [102, undefined, 111],
  },
  {
    name: 'a sendonly section is not for us',
    sdp: offer([{ ...h264(96), direction: 'sendonly' }, opus(111)]),
    signature: [102, undefined, 111],
  },
  { name: 'sendrecv', sdp: offer([{ ...h264(96), direction: 'sendrecv' }]), signature: [96, '42e01f', 102] },
  {
    name: 'a payload type outside the dynamic ranges is passed over',
    sdp: offer([together(h264(3), h264(72), h264(999), h264(127)), opus(111)]),
    signature: [127, '42e01f', 111],
  },
  {
    name: 'a profile that does not exist is passed over',
    sdp: offer([together(h264(96, '42e0ff'), h264(97, 'zzz'), h264(98, '4d001f')), opus(111)]),
    signature: [98, '4d001f', 111],
  },
]
for (const { name, sdp, signature: expected } of signatures)
  test(`what an offer can be served with: ${name}`, () => {
    const { videoPayloadType, audioPayloadType } = signature(sdp)
    const video = parseOffer(sdp).media.find(
      media => media.kind === 'video' && media.payloadType !== undefined,
    )
    expect([videoPayloadType, video?.profileLevelId, audioPayloadType]).toEqual(expected)
  })

const withoutFingerprint = SESSION.filter(line => !line.startsWith('a=fingerprint'))
const refused: { name: string; sdp: string; reason: string }[] = [
  { name: 'nothing', sdp: '', reason: 'offer_invalid' },
  { name: 'HTML', sdp: '<!doctype html>', reason: 'offer_invalid' },
  { name: 'bytes', sdp: `v=0\r\n${'\0\u{1f600}='.repeat(500)}`, reason: 'offer_invalid' },
  { name: 'no media', sdp: offer([]), reason: 'offer_invalid' },
  { name: 'no fingerprint', sdp: offer([h264(96)], withoutFingerprint), reason: 'offer_invalid' },
  {
    name: 'a fingerprint in SHA-1',
    sdp: offer([h264(96)], [...withoutFingerprint, `a=fingerprint:sha-1 ${FINGERPRINT.slice(0, 59)}`]),
    reason: 'offer_invalid',
  },
  {
    name: 'a fingerprint cut short',
    sdp: offer([h264(96)], [...withoutFingerprint, `a=fingerprint:sha-256 ${FINGERPRINT.slice(0, -3)}`]),
    reason: 'offer_invalid',
  },
  {
    name: 'a fingerprint of letters',
    sdp: offer([h264(96)], [...withoutFingerprint, `a=fingerprint:sha-256 ${'Z'.repeat(95)}`]),
    reason: 'offer_invalid',
  },
  { name: 'one mid twice', sdp: offer([h264(96), { ...opus(111), mid: '0' }]), reason: 'offer_invalid' },
  { name: 'one payload type for both', sdp: offer([h264(100), opus(100)]), reason: 'offer_invalid' },
  { name: 'VP8 alone', sdp: offer([{ lines: ['a=rtpmap:96 VP8/90000'] }]), reason: 'codecs_unsupported' },
  {
    name: 'H.264 in packetization-mode 0 alone',
    sdp: offer([together(h264(96, '42e01f', 0), h264(97, '42e01f', null))]),
    reason: 'codecs_unsupported',
  },
  {
    name: 'sending alone',
    sdp: offer([h264(96), opus(111)].map(section => ({ ...section, direction: 'sendonly' }))),
    reason: 'codecs_unsupported',
  },
  {
    name: 'refused sections alone',
    sdp: offer([
      { ...h264(96), port: 0 },
      { ...opus(111), direction: 'inactive' },
    ]),
    reason: 'codecs_unsupported',
  },
]
for (const { name, sdp, reason } of refused)
  test(`an offer of ${name} is refused`, () => {
    expect(refusal(() => signature(sdp))).toBe(reason)
  })

describe('the other side of DTLS', () => {
  for (const [setup, role] of [
    ['actpass', 'client'],
    ['active', 'client'],
    ['passive', 'server'],
  ] as const)
    test(`setup:${setup} makes it the ${role}`, () => {
      const lines = SESSION.map(line => line.replace('actpass', setup))
      expect(parseOffer(offer([h264(96)], lines)).dtls.role).toBe(role)
      expect(parseAnswer(offer([h264(96)], lines)).dtls.role).toBe(role)
    })

  test('a fingerprint in the first section counts for all, in either case', () => {
    const first = {
      ...h264(96),
      lines: [...h264(96).lines!, `a=fingerprint:SHA-256 ${FINGERPRINT.toLowerCase()}`],
    }
    const { dtls } = parseOffer(offer([first, opus(111)], withoutFingerprint))
    expect(dtls.fingerprints).toEqual([{ algorithm: 'sha-256', value: FINGERPRINT }])
  })

  test('a broken answer is refused as one', () => {
    expect(refusal(() => parseAnswer('hello'))).toBe('answer_invalid')
    expect(refusal(() => parseAnswer(offer([h264(96)], withoutFingerprint)))).toBe('answer_invalid')
  })
})

test('an offer whose lines are lost, doubled or garbled never breaks the reader', () => {
  const lines = firefoxOffer.split('\r\n')
  let random = 1
  const next = (below: number) => {
    random = (random * 48_271) % 2_147_483_647
    return random % below
  }
  for (let round = 0; round < 3_000; round++) {
    const mutated = [...lines]
    for (let change = 0; change < 3; change++) {
      const at = next(mutated.length)
      const line = mutated[at] ?? ''
      const other = [
        [],
        [line, line],
        [line.slice(0, next(line.length + 1))],
        [`${line.slice(0, 3)}${next(1e9)}`],
      ]
      mutated.splice(at, 1, ...other[next(4)]!)
    }
    const result = refusal(() => signature(mutated.join('\r\n')))
    expect(['accepted', 'offer_invalid', 'codecs_unsupported']).toContain(result)
  }
})
