/** What a viewer can receive, in mediasoup's terms, by who made the offer. */
import type { RtpCapabilities, RtpCodecCapability } from 'mediasoup/types'

/** BUNDLE's. */
const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid'
/** What congestion control needs. */
const CONGESTION = new Set([
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
])

/** A client's payload types are the edge's; extensions are left out, since their ids are the client's too. */
export function clientCapabilities(edge: RtpCapabilities): RtpCapabilities {
  const codecs = withoutCongestion(edge).filter(codec => !codec.mimeType.toLowerCase().endsWith('/rtx'))
  return { codecs, headerExtensions: [] }
}

/** `hasCongestionControl`: the viewer's bandwidth is to be estimated. */
export function serverCapabilities(edge: RtpCapabilities, hasCongestionControl: boolean): RtpCapabilities {
  return {
    codecs: hasCongestionControl ? edge.codecs! : withoutCongestion(edge),
    headerExtensions: edge.headerExtensions!.filter(
      ({ uri }) => uri === MID || (hasCongestionControl && CONGESTION.has(uri)),
    ),
  }
}

/** Without the header extension there is nothing to give feedback on. */
function withoutCongestion(edge: RtpCapabilities): RtpCodecCapability[] {
  return edge.codecs!.map(codec => ({
    ...codec,
    rtcpFeedback: feedbackWithoutTransportCc(codec.rtcpFeedback),
  }))
}

function feedbackWithoutTransportCc<T extends { type: string }>(feedback: T[] | undefined): T[] {
  return (feedback ?? []).filter(each => each.type !== 'transport-cc' && each.type !== 'goog-remb')
}
