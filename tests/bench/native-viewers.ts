/**
 * `bun native-viewers.ts WHEP_URL`: watches one stream as many native WebRTC viewers: real ICE, DTLS and SRTP, by
 * libdatachannel. Orders come as load-process.ts says.
 */
import {
  Audio,
  type MediaHandler,
  PeerConnection,
  RtcpReceivingSession,
  type Track,
  Video,
} from 'node-datachannel'
import type { Distribution } from '../support/statistics.ts'
import { FrameDelays } from './frame-delays.ts'
import { obey } from './load-process.ts'

/** Reading every packet in JavaScript costs more than receiving it, so only so many viewers do. */
const READERS = 4
const VIDEO_PAYLOAD_TYPE = 102
const AUDIO_PAYLOAD_TYPE = 111
const START_MS = 15_000

const whepUrl = process.argv[2]!
/** What is not referenced here is collected, and goes silent. */
const viewers: { connection: PeerConnection; kept: (MediaHandler | Track)[] }[] = []
const delays = new FrameDelays()
let measuredFrom = performance.now()

/** What those who read have got since `measure`. */
export interface ViewersReport extends Distribution {
  /** Of the picture, of one of them. */
  readonly receivedBps: number
}

async function addViewer(isReader: boolean): Promise<void> {
  const connection = new PeerConnection(`viewer-${viewers.length}`, { iceServers: [] })
  const { promise: offered, resolve } = Promise.withResolvers<string>()
  const { promise: connected, resolve: connect } = Promise.withResolvers<void>()
  connection.onLocalDescription(resolve)
  connection.onStateChange(state => {
    if (state === 'connected') connect()
  })
  const kept: (MediaHandler | Track)[] = []
  const video = new Video('0', 'RecvOnly')
  video.addH264Codec(VIDEO_PAYLOAD_TYPE)
  const audio = new Audio('1', 'RecvOnly')
  audio.addOpusCodec(AUDIO_PAYLOAD_TYPE)
  // libdatachannel hands over no packets of a track beside which there is another.
  for (const media of isReader ? [video] : [video, audio]) {
    const track = connection.addTrack(media)
    kept.push(track)
    if (isReader) {
      track.onMessage(packet => delays.receive(packet, performance.now()))
      continue
    }
    // Answers sender reports; what it receives stays outside of JavaScript.
    const session = new RtcpReceivingSession()
    kept.push(session)
    track.setMediaHandler(session)
  }
  viewers.push({ connection, kept })
  connection.setLocalDescription()
  const response = await fetch(whepUrl, {
    method: 'POST',
    // New sessions are limited per address.
    headers: { 'content-type': 'application/sdp', 'x-forwarded-for': `203.0.113.${viewers.length}` },
    body: await within(offered, 'an offer'),
  })
  if (!response.ok) throw new Error(`WHEP: ${response.status} ${await response.text()}`)
  connection.setRemoteDescription(await response.text(), 'answer')
  await within(connected, 'a connection')
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no ${what} within ${START_MS} ms`)), START_MS)
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

function report(): ViewersReport {
  const bits = (delays.octets * 8) / Math.min(viewers.length, READERS)
  return { ...delays.report(), receivedBps: bits / ((performance.now() - measuredFrom) / 1000) }
}

/** `add N`: so many more viewers. `measure`: forgets what was. `report`: how late frames were since, and how much came. */
await obey(async (verb, count) => {
  if (verb === 'add') for (let added = 0; added < count; added++) await addViewer(viewers.length < READERS)
  else if (verb === 'measure') {
    delays.clear()
    measuredFrom = performance.now()
  } else return report()
  return { viewers: viewers.length }
})
