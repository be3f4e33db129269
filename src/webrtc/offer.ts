/** Hides what browsers write into SDP: which sections and codecs of an offer can be served, and by which payload types. */
import { parseProfileLevelId } from 'h264-profile-level-id'
import type { DtlsParameters } from 'mediasoup/types'
import * as sdpTransform from 'sdp-transform'
import { AppError } from '../errors.ts'
import type { EdgeSignature } from './edge-router.ts'

/** One media section of a client's offer, and what Sluice can send in it. */
export interface OfferedMedia {
  readonly kind: string
  readonly mid: string
  /** As in the section's `m=` line, for the answer that refuses it. */
  readonly protocol: string
  readonly formats: string
  /** The chosen payload type; undefined: nothing in this section can be sent. */
  readonly payloadType: number | undefined
  readonly profileLevelId: string | undefined
}

export interface Offer {
  readonly media: readonly OfferedMedia[]
  readonly dtls: DtlsParameters
  /** The client's; another one in a later fragment asks for an ICE restart. */
  readonly iceUfrag: string | undefined
}

export type Sdp = sdpTransform.SessionDescription
export type MediaSection = Sdp['media'][number]

/** H.264 profiles a browser offers, the one most surely decoded in hardware everywhere first (PROFILE-level-id, RFC 6184 8.1). */
const PROFILES = ['42e0', '4200', '4d00', '6400', '640c']

/** RFC 8122 5: two digits a byte, with colons between. */
const FINGERPRINT_LENGTHS = { 'sha-256': 95, 'sha-384': 143, 'sha-512': 191 } as const

/**
 * Reads a WHEP client's offer. Throws `AppError` INVALID `offer_invalid` for what is no SDP offer with DTLS that wants
 * to receive.
 */
export function parseOffer(text: string): Offer {
  const sdp = parseSdp(text, 'offer_invalid')
  const media = sdp.media.map(readOffered)
  if (media.length === 0) throw new AppError('INVALID', 'offer_invalid', 'The offer has no media section.')
  // RFC 8843 7.1: what is bundled is told apart by its mid.
  if (new Set(media.map(each => each.mid)).size < media.length)
    throw new AppError('INVALID', 'offer_invalid', 'Two media sections of the offer have the same mid.')
  return { media, dtls: readDtls(sdp, 'offer_invalid'), iceUfrag: readIceUfrag(sdp) }
}

/** Reads the answer to our own offer. Throws `AppError` INVALID `answer_invalid`. */
export function parseAnswer(text: string): Pick<Offer, 'dtls' | 'iceUfrag'> {
  const sdp = parseSdp(text, 'answer_invalid')
  return { dtls: readDtls(sdp, 'answer_invalid'), iceUfrag: readIceUfrag(sdp) }
}

/** The payload types that the router of this client must use; defaults stand in for a missing kind. */
export function signatureOf(offer: Offer): EdgeSignature {
  const video = offer.media.find(media => media.kind === 'video' && media.payloadType !== undefined)
  const audio = offer.media.find(media => media.kind === 'audio' && media.payloadType !== undefined)
  if (!video && !audio)
    throw new AppError(
      'INVALID',
      'codecs_unsupported',
      'The offer must accept H.264 (packetization-mode=1) or Opus; none of its media sections does.',
    )
  // RFC 8843 10.1.2: one payload type of a bundle cannot mean two codecs.
  if (video && video.payloadType === audio?.payloadType)
    throw new AppError('INVALID', 'offer_invalid', 'The offer has one payload type for H.264 and Opus.')
  const free = (taken: number | undefined) => (taken === 102 ? 103 : 102)
  return {
    videoPayloadType: video?.payloadType ?? free(audio?.payloadType),
    audioPayloadType: audio?.payloadType ?? free(video?.payloadType),
  }
}

/** The description in `text`. Throws `AppError` INVALID with `reason`. */
export function parseSdp(text: string, reason: string): Sdp {
  if (!text.startsWith('v=0'))
    throw new AppError('INVALID', reason, 'The body is not an SDP session description.')
  try {
    return sdpTransform.parse(text)
  } catch {
    throw new AppError('INVALID', reason, 'The body is not a readable SDP session description.')
  }
}

/** The client's fingerprint and role. Throws `AppError` INVALID with `reason`. */
export function readDtls(sdp: Sdp, reason: string): DtlsParameters {
  const source = sdp.fingerprint ? sdp : sdp.media.find(media => media.fingerprint)
  const fingerprint = source?.fingerprint
  if (!fingerprint) throw new AppError('INVALID', reason, 'The SDP has no DTLS fingerprint.')
  // The parser makes numbers of what looks like one, wherever it stands.
  const algorithm = String(fingerprint.type).toLowerCase()
  if (algorithm !== 'sha-256' && algorithm !== 'sha-384' && algorithm !== 'sha-512')
    throw new AppError('INVALID', reason, `The DTLS fingerprint is in ${algorithm}; sha-256 is wanted.`)
  const value = String(fingerprint.hash).toUpperCase()
  if (value.length !== FINGERPRINT_LENGTHS[algorithm] || !/^([0-9A-F]{2}:)+[0-9A-F]{2}$/.test(value))
    throw new AppError('INVALID', reason, 'The DTLS fingerprint is malformed.')
  const setup = sdp.media.find(media => media.setup)?.setup ?? sdp.setup
  // We are ICE-lite and passive wherever the client leaves the choice (RFC 5763 5).
  return {
    role: setup === 'passive' ? 'server' : 'client',
    fingerprints: [{ algorithm, value }],
  }
}

/** Session level or, as browsers write it, the first section's: RFC 8839 5.4. */
export function readIceUfrag(sdp: Sdp): string | undefined {
  const ufrag = sdp.iceUfrag ?? sdp.media.find(media => media.iceUfrag !== undefined)?.iceUfrag
  return ufrag === undefined ? undefined : String(ufrag)
}

function readOffered(media: MediaSection, index: number): OfferedMedia {
  const mid = media.mid === undefined || media.mid === '' ? String(index) : String(media.mid)
  const wants = media.direction !== 'sendonly' && media.direction !== 'inactive' && media.port !== 0
  const choice = !wants ? undefined : media.type === 'video' ? chooseH264(media) : chooseOpus(media)
  return {
    kind: media.type,
    mid,
    protocol: media.protocol,
    formats: media.payloads ?? '0',
    payloadType: choice?.payloadType,
    profileLevelId: choice?.profileLevelId,
  }
}

/** Among what is offered in packetization-mode 1, the profile that the most browsers decode. */
export function chooseH264(media: MediaSection) {
  const offered = offeredH264(media)
  for (const profile of PROFILES) {
    const match = offered.find(codec => codec.profileLevelId.startsWith(profile))
    if (match) return match
  }
  return undefined
}

/** Every H.264 of known profile in packetization-mode 1, in the offer's order. */
export function offeredH264(media: MediaSection) {
  return media.rtp
    .filter(codec => String(codec.codec).toUpperCase() === 'H264' && isDynamic(codec.payload))
    .map(codec => {
      const fmtp = sdpTransform.parseParams(
        String(media.fmtp.find(each => each.payload === codec.payload)?.config ?? ''),
      )
      return {
        payloadType: codec.payload,
        mode: Number(fmtp['packetization-mode'] ?? 0),
        profileLevelId: String(fmtp['profile-level-id'] ?? '42e01f').toLowerCase(),
      }
    })
    .filter(codec => codec.mode === 1 && parseProfileLevelId(codec.profileLevelId))
}

export function chooseOpus(media: MediaSection) {
  const opus = media.rtp.find(
    codec =>
      String(codec.codec).toLowerCase() === 'opus' && codec.rate === 48_000 && isDynamic(codec.payload),
  )
  return opus && { payloadType: opus.payload, profileLevelId: undefined }
}

/** Below 35 types are assigned; those from 64 on look like RTCP's with the marker bit (RFC 5761 4, RFC 8843 10.1.2). */
function isDynamic(payloadType: number): boolean {
  return (payloadType >= 96 && payloadType <= 127) || (payloadType >= 35 && payloadType <= 63)
}
