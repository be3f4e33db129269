/** SDP offers as encoders write them. */
import { h264, offer, opus, SESSION, type Section } from './offers.ts'

export const EXTENSIONS = [
  'a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  'a=extmap:13 urn:3gpp:video-orientation',
]

/** `section` as a publisher offers it, with `lines` besides; without any: with every header extension. */
export function sending(section: Section, lines: readonly string[] = EXTENSIONS): Section {
  return { ...section, direction: 'sendonly', lines: [...(section.lines ?? []), ...lines] }
}

/** One that a browser makes of a camera and a microphone. */
export const browserOffer = offer([sending(h264(108)), sending(opus(111))])

/** OBS: sound first, no header extensions, sources by their SSRC, no feedback but what H.264 needs. */
export const obsOffer = offer([
  sending({ ...opus(111), mid: 'audio' }, ['a=ssrc:1234 cname:obs', 'a=ssrc:1234 msid:obs obs-audio']),
  sending({ ...h264(96), mid: 'video' }, ['a=ssrc:1235 cname:obs', 'a=ssrc:1235 msid:obs obs-video']),
])

/** A browser's of three layers. */
export const simulcastOffer = offer([
  sending(h264(108), [...EXTENSIONS, 'a=rid:h send', 'a=rid:l send', 'a=simulcast:send h;l']),
  sending(opus(111)),
])

/** Without a BUNDLE group. */
export const unbundledOffer = browserOffer.replace(/a=group:BUNDLE .*\r\n/, '')

/** Only a DTLS client. */
export const activeOffer = offer(
  [sending(h264(108))],
  SESSION.map(line => line.replace('actpass', 'active')),
)
