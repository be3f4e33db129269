/** SDP offers as browsers write them, each with its own payload types. */

export const FINGERPRINT = Array.from({ length: 32 }, (_, index) =>
  (index + 160).toString(16).toUpperCase(),
).join(':')

export interface Section {
  readonly kind?: string
  readonly mid?: string
  readonly direction?: string
  readonly port?: number
  readonly payloadTypes?: readonly number[]
  readonly lines?: readonly string[]
}

/** An offer of `sections`; `lines` stand at session level. */
export function offer(sections: readonly Section[], lines: readonly string[] = SESSION): string {
  const media = sections.flatMap((section, index) => {
    const {
      kind = 'video',
      mid = String(index),
      direction = 'recvonly',
      port = 9,
      payloadTypes = [96],
    } = section
    return [
      `m=${kind} ${port} UDP/TLS/RTP/SAVPF ${payloadTypes.join(' ')}`,
      'c=IN IP4 0.0.0.0',
      ...(mid === '' ? [] : [`a=mid:${mid}`]),
      `a=${direction}`,
      'a=rtcp-mux',
      ...(section.lines ?? []),
    ]
  })
  const mids = sections.map(({ mid }, index) => mid ?? String(index)).join(' ')
  const head = ['v=0', 'o=- 4611731400430051336 2 IN IP4 127.0.0.1', 's=-', 't=0 0', `a=group:BUNDLE ${mids}`]
  return `${[...head, ...lines, ...media].join('\r\n')}\r\n`
}

export const SESSION = [
  `a=fingerprint:sha-256 ${FINGERPRINT}`,
  'a=setup:actpass',
  'a=ice-ufrag:ufrag',
  'a=ice-pwd:passwordpasswordpassword',
  'a=ice-options:trickle',
]

/** H.264 on `payloadType`. */
export function h264(payloadType: number, profileLevelId = '42e01f', mode: number | null = 1): Section {
  const mode1 = mode === null ? '' : `;packetization-mode=${mode}`
  return {
    kind: 'video',
    payloadTypes: [payloadType],
    lines: [
      `a=rtpmap:${payloadType} H264/90000`,
      `a=fmtp:${payloadType} level-asymmetry-allowed=1;profile-level-id=${profileLevelId}${mode1}`,
      `a=rtcp-fb:${payloadType} nack`,
      `a=rtcp-fb:${payloadType} nack pli`,
    ],
  }
}

export function opus(payloadType: number): Section {
  return {
    kind: 'audio',
    payloadTypes: [payloadType],
    lines: [`a=rtpmap:${payloadType} opus/48000/2`, `a=fmtp:${payloadType} minptime=10;useinbandfec=1`],
  }
}

/** Several codecs in one section, in this order. */
export function together(...sections: readonly Section[]): Section {
  return {
    kind: sections[0]!.kind ?? 'video',
    payloadTypes: sections.flatMap(section => section.payloadTypes ?? []),
    lines: sections.flatMap(section => section.lines ?? []),
  }
}

const vp8: Section = { kind: 'video', payloadTypes: [120], lines: ['a=rtpmap:120 VP8/90000'] }
const pcmu: Section = {
  kind: 'audio',
  payloadTypes: [0, 8],
  lines: ['a=rtpmap:0 PCMU/8000', 'a=rtpmap:8 PCMA/8000'],
}
const vp8Safari: Section = { kind: 'video', payloadTypes: [102], lines: ['a=rtpmap:102 VP8/90000'] }

/** Firefox: audio first, mode 1 at 126 and mode 0 at 97, the fingerprint at session level. */
export const firefoxOffer = offer([
  together(opus(109), pcmu),
  together(vp8, h264(126), h264(97, '42e01f', null)),
])

/** Safari: High before Constrained Baseline, Opus at 111. */
export const safariOffer = offer([
  together(h264(96, '640c1f'), h264(98), h264(100, '640c1f', 0), vp8Safari),
  together(opus(111), pcmu),
])
