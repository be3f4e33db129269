/** Hides SDP: writes the offers, answers and fragments of an ICE-lite, send-only server. */
import type { IceCandidate, RtpParameters, WebRtcTransport } from 'mediasoup/types'
import * as sdpTransform from 'sdp-transform'
import type { Offer, OfferedMedia } from './offer.ts'
import { CNAME } from './origin-router.ts'

/** What one media section sends. */
export interface SentMedia {
  readonly kind: 'video' | 'audio'
  readonly mid: string
  readonly rtp: RtpParameters
}

type Sdp = sdpTransform.SessionDescription
type MediaSection = Sdp['media'][number]

const PROTOCOL = 'UDP/TLS/RTP/SAVPF'

/** A sendonly answer, one section for each of the offer's in its order (RFC 8829 5.3); unwanted ones are refused. */
export function writeAnswer(
  transport: WebRtcTransport,
  offer: Offer,
  sent: readonly SentMedia[],
  candidates: readonly IceCandidate[],
): string {
  const accepted = sent.map(media => media.mid)
  // RFC 5763 5: the one side is what the other is not.
  const setup = offer.dtls.role === 'server' ? 'active' : 'passive'
  const sections = offer.media.map(offered => {
    const media = sent.find(each => each.mid === offered.mid)
    return media ? section(transport, media, candidates, setup) : refusedSection(offered)
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

/** The fragment that answers a restart: credentials, and candidates in the section that all are bundled into (RFC 8840 9). */
export function writeFragment(
  transport: WebRtcTransport,
  { kind, mid }: Pick<SentMedia, 'kind' | 'mid'>,
  candidates: readonly IceCandidate[],
): string {
  const { usernameFragment, password } = transport.iceParameters
  const lines = ['a=ice-lite', `a=ice-ufrag:${usernameFragment}`, `a=ice-pwd:${password}`]
  lines.push(`m=${kind} 9 ${PROTOCOL} 0`, `a=mid:${mid}`)
  for (const candidate of candidates) lines.push(`a=candidate:${candidateLine(candidate)}`)
  return `${[...lines, 'a=end-of-candidates'].join('\r\n')}\r\n`
}

/** RFC 6184 8.2.2: an answer has the profile of the offer, which all browsers decode whichever they named. */
export function withProfile(rtp: RtpParameters, profileLevelId: string | undefined): RtpParameters {
  if (profileLevelId === undefined) return rtp
  const codecs = rtp.codecs.map(codec =>
    codec.parameters?.['profile-level-id'] === undefined
      ? codec
      : { ...codec, parameters: { ...codec.parameters, 'profile-level-id': profileLevelId } },
  )
  return { ...rtp, codecs }
}

/** What stands before the media sections, around them. */
export function session(transport: WebRtcTransport, mids: readonly string[], media: MediaSection[]): Sdp {
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
  setup: 'actpass' | 'passive' | 'active',
): MediaSection {
  const encoding = rtp.encodings![0]!
  const ssrcs = [{ id: encoding.ssrc!, attribute: 'cname', value: CNAME }]
  if (encoding.rtx) ssrcs.push({ id: encoding.rtx.ssrc, attribute: 'cname', value: CNAME })
  return {
    ...carrier(transport, { kind, mid, rtp }, candidates, setup),
    direction: 'sendonly',
    // Without the MID extension a receiver tells streams apart by these lines (RFC 8829 5.2.1).
    ssrcs,
    ...(encoding.rtx && {
      ssrcGroups: [{ semantics: 'FID', ssrcs: `${encoding.ssrc} ${encoding.rtx.ssrc}` }],
    }),
    msid: [{ id: CNAME, appdata: kind }],
  }
}

/** A media section's transport and codecs, whoever sends in it. */
export function carrier(
  transport: WebRtcTransport,
  { kind, mid, rtp }: SentMedia,
  candidates: readonly IceCandidate[],
  setup: 'actpass' | 'passive' | 'active',
): MediaSection {
  const { usernameFragment, password } = transport.iceParameters
  return {
    type: kind,
    port: 9,
    protocol: PROTOCOL,
    payloads: rtp.codecs.map(codec => codec.payloadType).join(' '),
    connection: { version: 4, ip: '0.0.0.0' },
    mid,
    setup,
    iceUfrag: usernameFragment,
    icePwd: password,
    rtcpMux: 'rtcp-mux',
    rtcpRsize: 'rtcp-rsize',
    ...codecLines(rtp.codecs),
    ext: (rtp.headerExtensions ?? []).map(extension => ({ value: extension.id, uri: extension.uri })),
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
    protocol: offered.protocol,
    payloads: offered.formats,
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
