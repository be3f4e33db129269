/** Writes the SDP answer to a publisher: recvonly, every section taken. */
import type { IceCandidate, WebRtcTransport } from 'mediasoup/types'
import * as sdpTransform from 'sdp-transform'
import { carrier, session } from './sdp.ts'
import type { WhipOffer } from './whip-offer.ts'

/** RFC 9725 4.2. */
export function writeWhipAnswer(
  transport: WebRtcTransport,
  offer: WhipOffer,
  candidates: readonly IceCandidate[],
): string {
  // RFC 5763 5: the one side is what the other is not.
  const setup = offer.dtls.role === 'server' ? 'active' : 'passive'
  const sections = offer.media.map(media => ({
    ...carrier(transport, media, candidates, setup),
    direction: 'recvonly' as const,
    // RFC 9725 4.4.1; the library has no other place for it.
    invalid: [{ value: 'rtcp-mux-only' }],
    // RFC 8853 5.3.2: of the layers that are offered, the one that is taken.
    ...(media.rid !== undefined && {
      rids: [{ id: media.rid, direction: 'recv' as const }],
      simulcast: { dir1: 'recv' as const, list1: media.rid },
    }),
  }))
  const mids = offer.media.map(media => media.mid)
  return sdpTransform.write(session(transport, mids, sections))
}
