/** What a viewer can receive, in mediasoup's terms, by who made the offer. */
import type { RtpCapabilities } from 'mediasoup/types'

/** Header extensions that server offers carry: BUNDLE's MID and what congestion control needs. */
const EXTENSIONS = new Set([
  'urn:ietf:params:rtp-hdrext:sdes:mid',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
])

/** A client's payload types are the edge's; extensions are left out, since their ids are the client's too. */
export function clientCapabilities(edge: RtpCapabilities): RtpCapabilities {
  const codecs = edge.codecs!.filter(codec => !codec.mimeType.toLowerCase().endsWith('/rtx'))
  return {
    codecs: codecs.map(codec => ({ ...codec, rtcpFeedback: feedbackWithoutTransportCc(codec.rtcpFeedback) })),
    headerExtensions: [],
  }
}

export function serverCapabilities(edge: RtpCapabilities): RtpCapabilities {
  const { codecs, headerExtensions } = edge
  return {
    ...(codecs && { codecs }),
    headerExtensions: headerExtensions!.filter(extension => EXTENSIONS.has(extension.uri)),
  }
}

/** Without the header extension there is nothing to give feedback on. */
function feedbackWithoutTransportCc<T extends { type: string }>(feedback: T[] | undefined): T[] {
  return (feedback ?? []).filter(each => each.type !== 'transport-cc' && each.type !== 'goog-remb')
}
