/** Hides what encoders write into a WHIP offer: what each media section sends, in mediasoup's words, or why it is refused. */
import type { RtpCodecParameters, RtpEncodingParameters, RtpParameters } from 'mediasoup/types'
import * as sdpTransform from 'sdp-transform'
import { AppError } from '../errors.ts'
import {
  chooseH264,
  chooseOpus,
  type MediaSection,
  type Offer,
  offeredH264,
  parseSdp,
  readDtls,
  readIceUfrag,
  type Sdp,
} from './offer.ts'
import type { SentMedia } from './sdp.ts'

/** One track of the publisher. */
export interface PublishedMedia extends SentMedia {
  /** The one layer that is taken of several (RFC 8853). */
  readonly rid: string | undefined
}

export interface WhipOffer extends Pick<Offer, 'dtls' | 'iceUfrag'> {
  /** In the offer's order; one video, at most one audio. */
  readonly media: readonly PublishedMedia[]
}

const RID = 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id'
const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid'
const TRANSPORT_CC = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01'
/** What mediasoup uses of a publisher's header extensions. */
const EXTENSIONS = new Set([
  MID,
  RID,
  'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  TRANSPORT_CC,
])
const FEEDBACK = new Set(['nack', 'nack pli', 'ccm fir', 'goog-remb', 'transport-cc'])
/** RFC 7587 6.1, as the receiver asks: without it browsers send speech in mono. */
const OPUS_WISHES = { minptime: 10, useinbandfec: 1, stereo: 1, maxaveragebitrate: 128_000 }

/**
 * Reads a publisher's offer. Throws `AppError` INVALID: `offer_invalid` for what is no SDP offer with DTLS,
 * `offer_unsupported` for one of which a part cannot be taken: RFC 9725 4.4.3 wants all of it refused then.
 */
export function parseWhipOffer(text: string): WhipOffer {
  const sdp = parseSdp(text, 'offer_invalid')
  if (sdp.media.length === 0)
    throw new AppError('INVALID', 'offer_invalid', 'The offer has no media section.')
  const dtls = readDtls(sdp, 'offer_invalid')
  const media = sdp.media.map(readPublished)
  const kinds = media.map(each => each.kind)
  // RFC 9725 4.4.2.
  if (new Set(kinds).size < kinds.length)
    throw unsupported('At most one video and one audio track can be sent.')
  if (!kinds.includes('video')) throw unsupported('The offer must send video in H.264.')
  checkBundle(sdp, media)
  return { media, dtls, iceUfrag: readIceUfrag(sdp) }
}

/** RFC 9725 4.4.1: everything comes over one transport. */
function checkBundle(sdp: Sdp, media: readonly PublishedMedia[]): void {
  const bundled = (sdp.groups ?? []).filter(group => group.type === 'BUNDLE')
  const mids = new Set(bundled.flatMap(group => String(group.mids).split(' ')))
  if (new Set(media.map(each => each.mid)).size < media.length)
    throw new AppError('INVALID', 'offer_invalid', 'Two media sections of the offer have the same mid.')
  if (bundled.length > 1 || (media.length > 1 && !media.every(each => mids.has(each.mid))))
    throw unsupported('All media sections must be in one BUNDLE group.')
}

function readPublished(section: MediaSection, index: number): PublishedMedia {
  const kind = section.type
  if (kind !== 'video' && kind !== 'audio') throw unsupported(`A media section of ${kind} cannot be taken.`)
  // RFC 9725 4.2.
  if (section.direction === 'recvonly' || section.direction === 'inactive')
    throw unsupported('Every media section must be sendonly.')
  const mid = section.mid === undefined || section.mid === '' ? String(index) : String(section.mid)
  const headerExtensions = (section.ext ?? [])
    .filter(({ uri, value }) => EXTENSIONS.has(uri) && value >= 1 && value <= 255)
    .map(({ uri, value }) => ({ uri: uri as typeof MID, id: value }))
  const hasExtension = (uri: string) => headerExtensions.some(extension => extension.uri === uri)
  const codec = kind === 'video' ? h264Codec(section) : opusCodec(section)
  if (!hasExtension(TRANSPORT_CC))
    codec.rtcpFeedback = codec.rtcpFeedback?.filter(({ type }) => type !== 'transport-cc') ?? []
  const rid = hasExtension(RID) ? firstLayer(section) : undefined
  const encoding: RtpEncodingParameters = rid === undefined ? readSsrcs(section) : { rid }
  // RFC 8843 9.2: with neither, its packets could not be told from others.
  if (rid === undefined && encoding.ssrc === undefined && !hasExtension(MID))
    throw unsupported('A media section needs the MID header extension or a=ssrc lines.')
  const rtx = kind === 'video' ? rtxCodec(section, codec.payloadType) : undefined
  const isRepaired = rtx !== undefined && (encoding.ssrc === undefined || encoding.rtx !== undefined)
  if (!isRepaired) delete encoding.rtx
  const rtp: RtpParameters = {
    mid,
    codecs: isRepaired ? [codec, rtx] : [codec],
    headerExtensions,
    encodings: [encoding],
    rtcp: { reducedSize: true },
  }
  return { kind, mid, rtp, rid }
}

function h264Codec(section: MediaSection): RtpCodecParameters {
  const choice = chooseH264(section) ?? offeredH264(section)[0]
  if (!choice) throw unsupported('The video must be H.264 with packetization-mode=1.')
  return {
    mimeType: 'video/H264',
    payloadType: choice.payloadType,
    clockRate: 90_000,
    parameters: {
      'level-asymmetry-allowed': 1,
      'packetization-mode': 1,
      'profile-level-id': choice.profileLevelId,
    },
    rtcpFeedback: readFeedback(section, choice.payloadType),
  }
}

function opusCodec(section: MediaSection): RtpCodecParameters {
  const choice = chooseOpus(section)
  if (!choice) throw unsupported('The sound must be Opus.')
  return {
    mimeType: 'audio/opus',
    payloadType: choice.payloadType,
    clockRate: 48_000,
    channels: 2,
    parameters: OPUS_WISHES,
    rtcpFeedback: readFeedback(section, choice.payloadType),
  }
}

/** RFC 4588 8.6. */
function rtxCodec(section: MediaSection, of: number): RtpCodecParameters | undefined {
  const line = section.fmtp.find(({ config }) => sdpTransform.parseParams(String(config))['apt'] === of)
  const rtx = section.rtp.find(
    ({ codec, payload }) => String(codec).toLowerCase() === 'rtx' && payload === line?.payload,
  )
  if (!rtx) return undefined
  const { payload: payloadType } = rtx
  return { mimeType: 'video/rtx', payloadType, clockRate: 90_000, parameters: { apt: of }, rtcpFeedback: [] }
}

/** Of what is offered, what mediasoup gives: RFC 4585 4.2. */
function readFeedback(section: MediaSection, payloadType: number) {
  return (section.rtcpFb ?? [])
    .filter(({ payload }) => String(payload) === '*' || Number(payload) === payloadType)
    .map(({ type, subtype = '' }) => ({ type, parameter: subtype }))
    .filter(({ type, parameter }) => FEEDBACK.has(`${type} ${parameter}`.trim()))
}

/**
 * The first of several layers: RFC 8829 5.3.1 keeps it where the answer knows no simulcast, and OBS sends its largest
 * picture in it.
 */
function firstLayer({ simulcast }: MediaSection): string | undefined {
  const directions = [
    [simulcast?.dir1, simulcast?.list1],
    [simulcast?.dir2, simulcast?.list2],
  ]
  const list = directions.find(([direction]) => direction === 'send')?.[1]
  if (list === undefined) return undefined
  const rid = sdpTransform.parseSimulcastStreamList(String(list))[0]?.[0]?.scid
  return rid === undefined ? undefined : String(rid)
}

/** RFC 5576 4.1, 4.2: the media's source, and the one of its retransmissions. */
function readSsrcs(section: MediaSection): RtpEncodingParameters {
  const pairs = (section.ssrcGroups ?? [])
    .filter(({ semantics }) => semantics === 'FID')
    .map(({ ssrcs }) => String(ssrcs).split(' ').map(Number))
  const repairing = new Set(pairs.map(pair => pair[1]))
  const ssrc = section.ssrcs?.map(({ id }) => Number(id)).find(id => !repairing.has(id))
  if (ssrc === undefined) return {}
  const rtxSsrc = pairs.find(pair => pair[0] === ssrc)?.[1]
  return rtxSsrc === undefined ? { ssrc } : { ssrc, rtx: { ssrc: rtxSsrc } }
}

/** RFC 9725 4.4.3: all of the offer is refused. */
export function unsupported(message: string): AppError {
  return new AppError('INVALID', 'offer_unsupported', message)
}
