/** Hides SDP: reads what browsers write, and writes the offers and answers of an ICE-lite, send-only server. */
import type { DtlsParameters, IceCandidate, RtpParameters, WebRtcTransport } from 'mediasoup/types'
import * as sdpTransform from 'sdp-transform'
import { AppError } from '../errors.ts'
import { CNAME, type EdgeSignature } from './edge-router.ts'

/** One media section of a client's offer, and what Sluice can send in it. */
export interface OfferedMedia {
  readonly kind: string
  readonly mid: string
  /** The chosen payload type; undefined: nothing in this section can be sent. */
  readonly payloadType: number | undefined
  readonly profileLevelId: string | undefined
}

export interface Offer {
  readonly media: readonly OfferedMedia[]
  readonly dtls: DtlsParameters
}

/** What one media section sends. */
export interface SentMedia {
  readonly kind: 'video' | 'audio'
  readonly mid: string
  readonly rtp: RtpParameters
}

type Sdp = sdpTransform.SessionDescription
type MediaSection = Sdp['media'][number]

/** H.264 profiles a browser offers, the one most surely decoded in hardware everywhere first (PROFILE-level-id, RFC 6184 8.1). */
const PROFILES = ['42e0', '4200', '4d00', '6400', '640c']

/**
 * Reads a WHEP client's offer. Throws `AppError` INVALID `offer_invalid` for what is no SDP offer with DTLS that wants
 * to receive.
 */
export function parseOffer(text: string): Offer {
  const sdp = parse(text, 'offer_invalid')
  const media = sdp.media.map(readOffered)
  if (media.length === 0) throw new AppError('INVALID', 'offer_invalid', 'The offer has no media section.')
  return { media, dtls: readDtls(sdp, 'offer_invalid') }
}

/** Reads the answer to our own offer. Throws `AppError` INVALID `answer_invalid`. */
export function parseAnswer(text: string): DtlsParameters {
  return readDtls(parse(text, 'answer_invalid'), 'answer_invalid')
}

/** The payload types and profile that the router of this client must use; defaults stand in for a missing kind. */
export function signatureOf(offer: Offer): EdgeSignature {
  const video = offer.media.find(media => media.kind === 'video' && media.payloadType !== undefined)
  const audio = offer.media.find(media => media.kind === 'audio' && media.payloadType !== undefined)
  if (!video && !audio)
    throw new AppError(
      'INVALID',
      'codecs_unsupported',
      'The offer must accept H.264 (packetization-mode=1) or Opus; none of its media sections does.',
    )
  const free = (taken: number | undefined) => (taken === 102 ? 103 : 102)
  return {
    videoPayloadType: video?.payloadType ?? free(audio?.payloadType),
    profileLevelId: video?.profileLevelId ?? '42e01f',
    audioPayloadType: audio?.payloadType ?? free(video?.payloadType),
  }
}

/** A sendonly answer, one section for each of the offer's in its order (RFC 8829 5.3); unwanted ones are refused. */
export function writeAnswer(
  transport: WebRtcTransport,
  offer: Offer,
  sent: readonly SentMedia[],
  candidates: readonly IceCandidate[],
): string {
  const accepted = sent.map(media => media.mid)
  const sections = offer.media.map(offered => {
    const media = sent.find(each => each.mid === offered.mid)
    return media ? section(transport, media, candidates, 'passive') : refusedSection(offered)
  })
  return sdpTransform.write(session(transport, accepted, sections))
}

/** An offer by the server, sendonly. */
export function writeOffer(
  transport: WebRtcTransport,
  sent: readonly SentMedia[],
  candidates: readonly IceCandidate[],
): string {
  const sections = sent.map(media => section(transport, media, candidates, 'actpass'))
  return sdpTransform.write(
    session(
      transport,
      sent.map(media => media.mid),
      sections,
    ),
  )
}

/** The `ice-ufrag`, `ice-pwd` and candidate lines of a restart's answer: RFC 8840. */
export function writeFragment(transport: WebRtcTransport, candidates: readonly IceCandidate[]): string {
  const { usernameFragment, password } = transport.iceParameters
  const lines = [`a=ice-lite`, `a=ice-ufrag:${usernameFragment}`, `a=ice-pwd:${password}`]
  for (const candidate of candidates) lines.push(`a=candidate:${candidateLine(candidate)}`)
  return `${[...lines, 'a=end-of-candidates'].join('\r\n')}\r\n`
}

function parse(text: string, reason: string): Sdp {
  if (!text.startsWith('v=0'))
    throw new AppError('INVALID', reason, 'The body is not an SDP session description.')
  try {
    return sdpTransform.parse(text)
  } catch {
    throw new AppError('INVALID', reason, 'The body is not a readable SDP session description.')
  }
}

function readDtls(sdp: Sdp, reason: string): DtlsParameters {
  const source = sdp.fingerprint ? sdp : sdp.media.find(media => media.fingerprint)
  const fingerprint = source?.fingerprint
  if (!fingerprint) throw new AppError('INVALID', reason, 'The SDP has no DTLS fingerprint.')
  const algorithm = fingerprint.type.toLowerCase()
  if (algorithm !== 'sha-256' && algorithm !== 'sha-384' && algorithm !== 'sha-512')
    throw new AppError('INVALID', reason, `The DTLS fingerprint is in ${algorithm}; sha-256 is wanted.`)
  const setup = sdp.media.find(media => media.setup)?.setup ?? sdp.setup
  // We are ICE-lite and passive wherever the client leaves the choice (RFC 5763 5).
  return {
    role: setup === 'passive' ? 'server' : 'client',
    fingerprints: [{ algorithm, value: fingerprint.hash.toUpperCase() }],
  }
}

function readOffered(media: MediaSection, index: number): OfferedMedia {
  const mid = media.mid === undefined ? String(index) : String(media.mid)
  const wants = media.direction !== 'sendonly' && media.direction !== 'inactive' && media.port !== 0
  const choice = !wants ? undefined : media.type === 'video' ? chooseH264(media) : chooseOpus(media)
  return { kind: media.type, mid, payloadType: choice?.payloadType, profileLevelId: choice?.profileLevelId }
}

function chooseH264(media: MediaSection) {
  const offered = media.rtp
    .filter(codec => codec.codec.toUpperCase() === 'H264')
    .map(codec => {
      const fmtp = sdpTransform.parseParams(
        media.fmtp.find(each => each.payload === codec.payload)?.config ?? '',
      )
      return {
        payloadType: codec.payload,
        mode: Number(fmtp['packetization-mode'] ?? 0),
        profileLevelId: String(fmtp['profile-level-id'] ?? '42e01f').toLowerCase(),
      }
    })
    .filter(codec => codec.mode === 1 && /^[0-9a-f]{6}$/.test(codec.profileLevelId))
  for (const profile of PROFILES) {
    const match = offered.find(codec => codec.profileLevelId.startsWith(profile))
    if (match) return match
  }
  return undefined
}

function chooseOpus(media: MediaSection) {
  const opus = media.rtp.find(codec => codec.codec.toLowerCase() === 'opus' && codec.rate === 48_000)
  return opus && { payloadType: opus.payload, profileLevelId: undefined }
}

function session(transport: WebRtcTransport, mids: readonly string[], media: MediaSection[]): Sdp {
  return {
    version: 0,
    origin: {
      username: 'sluice',
      sessionId: String(Math.floor(Math.random() * 2 ** 52)),
      sessionVersion: 0,
      netType: 'IN',
      ipVer: 4,
      address: '127.0.0.1',
    },
    name: '-',
    timing: { start: 0, stop: 0 },
    icelite: 'ice-lite',
    groups: [{ type: 'BUNDLE', mids: mids.join(' ') }],
    msidSemantic: { semantic: 'WMS', token: '*' },
    fingerprint: fingerprintOf(transport),
    media,
  }
}

function section(
  transport: WebRtcTransport,
  { kind, mid, rtp }: SentMedia,
  candidates: readonly IceCandidate[],
  setup: 'actpass' | 'passive',
): MediaSection {
  const { usernameFragment, password } = transport.iceParameters
  const encoding = rtp.encodings![0]!
  const ssrcs = [{ id: encoding.ssrc!, attribute: 'cname', value: CNAME }]
  if (encoding.rtx) ssrcs.push({ id: encoding.rtx.ssrc, attribute: 'cname', value: CNAME })
  return {
    type: kind,
    port: 9,
    protocol: 'UDP/TLS/RTP/SAVPF',
    payloads: rtp.codecs.map(codec => codec.payloadType).join(' '),
    connection: { version: 4, ip: '0.0.0.0' },
    mid,
    direction: 'sendonly',
    setup,
    iceUfrag: usernameFragment,
    icePwd: password,
    rtcpMux: 'rtcp-mux',
    rtcpRsize: 'rtcp-rsize',
    ...codecLines(rtp.codecs),
    ext: (rtp.headerExtensions ?? []).map(extension => ({ value: extension.id, uri: extension.uri })),
    // Without the MID extension a receiver tells streams apart by these lines (RFC 8829 5.2.1).
    ssrcs,
    ...(encoding.rtx && {
      ssrcGroups: [{ semantics: 'FID', ssrcs: `${encoding.ssrc} ${encoding.rtx.ssrc}` }],
    }),
    msid: [{ id: CNAME, appdata: kind }],
    candidates: candidates.map(candidate => ({
      foundation: candidate.foundation,
      component: 1,
      transport: candidate.protocol,
      priority: candidate.priority,
      ip: candidate.address,
      port: candidate.port,
      type: candidate.type,
      ...(candidate.tcpType && { tcptype: candidate.tcpType }),
    })),
    endOfCandidates: 'end-of-candidates',
  }
}

function codecLines(codecs: RtpParameters['codecs']): Pick<MediaSection, 'rtp' | 'fmtp' | 'rtcpFb'> {
  return {
    rtp: codecs.map(codec => ({
      payload: codec.payloadType,
      codec: codec.mimeType.split('/')[1]!,
      rate: codec.clockRate,
      ...(codec.channels && codec.channels > 1 && { encoding: codec.channels }),
    })),
    fmtp: codecs
      .filter(codec => Object.keys(codec.parameters ?? {}).length > 0)
      .map(codec => ({
        payload: codec.payloadType,
        config: Object.entries(codec.parameters!)
          .map(([key, value]) => `${key}=${value}`)
          .join(';'),
      })),
    rtcpFb: codecs.flatMap(codec =>
      (codec.rtcpFeedback ?? []).map(({ type, parameter }) => ({
        payload: codec.payloadType,
        type,
        ...(parameter && { subtype: parameter }),
      })),
    ),
  }
}

/** RFC 3264 6: a refused section keeps its place with port zero. */
function refusedSection(offered: OfferedMedia): MediaSection {
  return {
    type: offered.kind,
    port: 0,
    protocol: 'UDP/TLS/RTP/SAVPF',
    payloads: '0',
    connection: { version: 4, ip: '0.0.0.0' },
    mid: offered.mid,
    direction: 'inactive',
    rtp: [],
    fmtp: [],
  }
}

function fingerprintOf(transport: WebRtcTransport): { type: string; hash: string } {
  const sha256 = transport.dtlsParameters.fingerprints.find(each => each.algorithm === 'sha-256')!
  return { type: sha256.algorithm, hash: sha256.value }
}

function candidateLine(candidate: IceCandidate): string {
  const { foundation, protocol, priority, address, port, type, tcpType } = candidate
  const line = `${foundation} 1 ${protocol} ${priority} ${address} ${port} typ ${type}`
  return tcpType ? `${line} tcptype ${tcpType}` : line
}
