/** A page that publishes over WHIP, as a browser studio does: a moving picture and a tone, H.264 and Opus. */
import type { Browser, ObservedPage } from './browser.ts'
import { serveTestPage } from './test-page.ts'

export interface WhipPageOptions {
  readonly width?: number
  readonly height?: number
  readonly audio?: boolean
  /** Layers of simulcast, by name; default: none. */
  readonly rids?: readonly string[]
}

/** A page's publisher: `await using publisher = await publishFromPage(browser, url, streamKey)`. */
export interface WhipPage extends AsyncDisposable {
  readonly page: ObservedPage
  readonly answer: string
  readonly resource: string
  /** DELETE, as a polite client ends; the status. */
  stop(): Promise<number>
  /** Another size of picture from now on. */
  resize(width: number, height: number): Promise<void>
  /** Other ICE credentials and candidates, as after a change of network; resolves when it is connected by them. */
  restartIce(): Promise<void>
  /** Closes the connection without a word over HTTP. */
  drop(): Promise<void>
}

/** Publishes to `url`. Throws with status and body where that is refused. */
export async function publishFromPage(
  browser: Browser,
  url: string,
  streamKey: string,
  options: WhipPageOptions = {},
): Promise<WhipPage> {
  await using testPage = await serveTestPage()
  const page = await browser.newPage(testPage.url)
  const { answer, resource } = await page.page.evaluate(startInPage, { url, streamKey, ...options })
  return {
    page,
    answer,
    resource,
    stop: () =>
      page.page.evaluate(async address => {
        const { status } = await fetch(address, { method: 'DELETE' })
        window.whip.connection.close()
        return status
      }, resource),
    resize: (width, height) =>
      page.page.evaluate(
        size => {
          Object.assign(window.whip.canvas, size)
        },
        { width, height },
      ),
    restartIce: () => page.page.evaluate(restartInPage, { resource, answer }),
    drop: () => page.page.evaluate(() => window.whip.connection.close()),
    [Symbol.asyncDispose]: () => page.close(),
  }
}

declare global {
  interface Window {
    whip: { connection: RTCPeerConnection; canvas: HTMLCanvasElement }
  }
}

/** Runs in the page, so it sees nothing of this module. */
async function startInPage(options: WhipPageOptions & { url: string; streamKey: string }) {
  const { width = 640, height = 360, audio = true, rids = [] } = options
  const canvas = Object.assign(document.createElement('canvas'), { width, height })
  const context = canvas.getContext('2d')!
  let frame = 0
  setInterval(() => {
    frame++
    context.fillStyle = `hsl(${(frame * 3) % 360} 80% 50%)`
    context.fillRect(0, 0, canvas.width, canvas.height)
    context.fillStyle = 'white'
    context.fillRect((frame * 7) % canvas.width, 0, 40, canvas.height)
  }, 33)
  const connection = new RTCPeerConnection({ iceServers: [], bundlePolicy: 'max-bundle' })
  const stream = canvas.captureStream(30)
  const sendEncodings = rids.map(rid => ({ rid }))
  const video = connection.addTransceiver(stream.getVideoTracks()[0]!, {
    direction: 'sendonly',
    streams: [stream],
    sendEncodings,
  })
  // On a busy machine the browser would change the picture's size whenever it likes.
  const parameters = video.sender.getParameters()
  await video.sender.setParameters({ ...parameters, degradationPreference: 'maintain-resolution' })
  const codecs = RTCRtpSender.getCapabilities('video')!.codecs
  video.setCodecPreferences(codecs.filter(codec => ['video/H264', 'video/rtx'].includes(codec.mimeType)))
  if (audio) {
    const sound = new AudioContext({ sampleRate: 48_000 })
    const tone = sound.createOscillator()
    const output = sound.createMediaStreamDestination()
    tone.frequency.value = 440
    tone.connect(output)
    tone.start()
    const track = output.stream.getAudioTracks()[0]!
    connection.addTransceiver(track, { direction: 'sendonly', streams: [stream] })
  }
  window.whip = { connection, canvas }
  await connection.setLocalDescription()
  const response = await fetch(options.url, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp', authorization: `Bearer ${options.streamKey}` },
    body: connection.localDescription!.sdp,
  })
  const answer = await response.text()
  if (response.status !== 201) throw new Error(`WHIP answered ${response.status}: ${answer}`)
  await connection.setRemoteDescription({ type: 'answer', sdp: answer })
  return { answer, resource: new URL(response.headers.get('location')!, options.url).href }
}

/** RFC 9725 4.3.3; runs in the page too. */
async function restartInPage({ resource, answer }: { resource: string; answer: string }): Promise<void> {
  const { connection } = window.whip
  const credentials = (sdp: string) => sdp.match(/^a=ice-(ufrag|pwd):.*$/gm)!.slice(0, 2)
  await connection.setLocalDescription(await connection.createOffer({ iceRestart: true }))
  const response = await fetch(resource, {
    method: 'PATCH',
    headers: { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' },
    body: `${credentials(connection.localDescription!.sdp).join('\r\n')}\r\n`,
  })
  if (response.status !== 200) throw new Error(`the restart was answered ${response.status}`)
  const [ufrag, password] = credentials(await response.text())
  const sdp = answer.replace(/^a=ice-ufrag:.*$/gm, ufrag!).replace(/^a=ice-pwd:.*$/gm, password!)
  await connection.setRemoteDescription({ type: 'answer', sdp })
  const isRestarted = async () => {
    const pairs = [...(await connection.getStats()).values()].filter(each => each.type === 'candidate-pair')
    return (
      connection.iceConnectionState === 'connected' &&
      pairs.some(each => each.nominated && each.requestsSent < 50)
    )
  }
  while (!(await isRestarted())) await new Promise(resolve => setTimeout(resolve, 50))
}
