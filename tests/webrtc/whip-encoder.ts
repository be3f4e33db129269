/** An encoder over WHIP that is no browser: ffmpeg's H.264 and Opus, sent by werift, an independent WebRTC. */
import { createSocket } from 'node:dgram'
import { MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters } from 'werift'
import { freePort } from '../support/free-port.ts'
import { type PublishOptions, publish } from '../support/publisher.ts'

export interface WhipEncoder extends AsyncDisposable {
  readonly offer: string
  readonly resource: string
}

interface Options extends PublishOptions {
  /** Whether the network loses the picture's packet with this number, counted from zero. */
  readonly isLost?: (index: number) => boolean
}

const H264 = new RTCRtpCodecParameters({
  mimeType: 'video/H264',
  clockRate: 90_000,
  payloadType: 96,
  rtcpFeedback: [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }],
  parameters: 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1',
})
const OPUS = new RTCRtpCodecParameters({
  mimeType: 'audio/opus',
  clockRate: 48_000,
  channels: 2,
  payloadType: 111,
})

/** Publishes to `url`, like OBS: no header extensions, sources by their SSRC, key frames when the encoder likes. */
export async function publishByWerift(
  url: string,
  streamKey: string,
  options: Options = {},
): Promise<WhipEncoder> {
  await using opened = new AsyncDisposableStack()
  const connection = new RTCPeerConnection({
    codecs: { video: [H264], audio: [OPUS] },
    headerExtensions: { video: [], audio: [] },
    iceServers: [],
  })
  opened.defer(() => connection.close())
  const ports = { videoPort: await freePort(), audioPort: await freePort() }
  const { isLost = () => false } = options
  let count = 0
  for (const [kind, port] of [
    ['video', ports.videoPort],
    ['audio', ports.audioPort],
  ] as const) {
    const track = new MediaStreamTrack({ kind })
    connection.addTransceiver(track, { direction: 'sendonly' })
    const socket = createSocket('udp4')
    socket.on('message', packet => {
      if (kind === 'audio' || !isLost(count++)) track.writeRtp(packet)
    })
    socket.bind(port, '127.0.0.1')
    opened.defer(() => void socket.close())
  }
  await connection.setLocalDescription(await connection.createOffer())
  const offer = connection.localDescription!.sdp
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp', authorization: `Bearer ${streamKey}` },
    body: offer,
  })
  const answer = await response.text()
  if (response.status !== 201) throw new Error(`WHIP answered ${response.status}: ${answer}`)
  await connection.setRemoteDescription({ type: 'answer', sdp: answer })
  opened.use(await publish(ports, options))
  const owned = opened.move()
  return {
    offer,
    resource: new URL(response.headers.get('location')!, url).href,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
