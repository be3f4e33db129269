/** Hides the WebRTC session: the server offers (WHEP's counter-offer), we answer, and a dead connection is noticed. */
import { bytesReceived, frameHeight, webrtcDelay } from './delay.ts'
import { type PlayerEnvironment, sleep, withDeadline } from './environment.ts'
import { Layers, layersUrl } from './layers.ts'
import { AUTO, type Playback, type Quality, type Sample } from './state.ts'

const WATCH_MS = 300
/** Without a byte for this long the server is asked whether the session still lives. */
const SILENCE_MS = 700
const SESSION_CHECK_MS = 1_000
/** How often it is asked while the silence lasts: soon at first, then so that many viewers are no burden. */
const RECHECK_MS = { early: 1_000, late: 3_000, lateAfter: 5_000 }
/** A session that lives at the server while our own path to it is down. */
const PATH_DOWN_MS = 3_000
/** Which qualities there are changes rarely: when the server sheds one. */
const LAYERS_MS = 30_000

/** `not_live`: the channel is not on air. `busy`: worth another try soon. `refused`: not to be had here. */
export type WebrtcFailure = 'not_live' | 'busy' | 'refused'

export class WebrtcError extends Error {
  override readonly name = 'WebrtcError'
  readonly failure: WebrtcFailure

  constructor(failure: WebrtcFailure, message: string) {
    super(message)
    this.failure = failure
  }
}

/** The server's offer, and where to answer it. */
export interface SessionOffer {
  readonly sdp: string
  readonly sessionUrl: string
  /** Where qualities are chosen; undefined where there is one alone. */
  readonly layersUrl: string | undefined
}

export interface WebrtcOptions {
  readonly headers: Record<string, string>
  readonly env: PlayerEnvironment
  readonly clockOffset: () => number | undefined
  readonly onSample: (sample: Sample) => void
  /** A name, or `auto`. */
  readonly quality: string
}

export class WebrtcSession implements Playback {
  readonly protocol = 'webrtc'
  readonly stream: MediaStream
  readonly lost: AbortSignal
  readonly #options: WebrtcOptions
  readonly #connection: RTCPeerConnection
  readonly #sessionUrl: string
  readonly #layers: Layers | undefined
  readonly #losing = new AbortController()
  #report: RTCStatsReport | undefined
  #quality: string
  #height: number | undefined
  #checkAt = 0
  #isGone = false

  private constructor(options: WebrtcOptions, connection: RTCPeerConnection, offer: SessionOffer) {
    const { env, headers } = options
    this.stream = env.createStream()
    this.#options = options
    this.#quality = options.quality
    this.#connection = connection
    this.#sessionUrl = offer.sessionUrl
    this.lost = this.#losing.signal
    this.#layers = offer.layersUrl
      ? new Layers({ env, url: offer.layersUrl, headers, signal: this.lost })
      : undefined
    connection.addEventListener('track', event => this.stream.addTrack(event.track))
    connection.addEventListener('connectionstatechange', () => {
      if (connection.connectionState === 'failed') this.#losing.abort()
    })
  }

  /** Negotiates. Throws `WebrtcError`, or what `fetch` throws when `signal` is aborted. */
  static async open(
    options: WebrtcOptions,
    offer: Promise<SessionOffer>,
    signal: AbortSignal,
  ): Promise<WebrtcSession> {
    const { env } = options
    const given = await offer
    if (!env.createPeerConnection) throw new WebrtcError('refused', 'this browser has no WebRTC')
    const session = new WebrtcSession(options, env.createPeerConnection(), given)
    try {
      await session.#answer(given.sdp, signal)
    } catch (error) {
      session.close()
      throw error
    }
    session.#watch().catch(() => session.#losing.abort())
    return session
  }

  setQuality(name: string): void {
    this.#quality = name
    // Before it is known what there is, nothing can be chosen; that comes with the first answer.
    if (this.#layers?.qualities.length) void this.#layers.choose(name)
  }

  /** Ends the session here and at the server. Idempotent. */
  close(): void {
    if (this.#connection.connectionState !== 'closed') this.leave()
    this.#connection.close()
    this.#losing.abort()
  }

  /** Tells the server alone, for a page that may be gone in the next moment: draft-ietf-wish-whep section 4.4. */
  leave(): void {
    if (this.#isGone) return
    const { env, headers } = this.#options
    env.fetch(this.#sessionUrl, { method: 'DELETE', headers, keepalive: true }).catch(() => {})
  }

  async #answer(offer: string, signal: AbortSignal): Promise<void> {
    const connection = this.#connection
    await connection.setRemoteDescription({ type: 'offer', sdp: offer })
    for (const receiver of connection.getReceivers()) minimiseDelay(receiver)
    const { sdp } = await connection.createAnswer()
    const answer = acceptStereo(sdp ?? '')
    await connection.setLocalDescription({ type: 'answer', sdp: answer })
    const headers = { ...this.#options.headers, 'content-type': 'application/sdp' }
    const response = await this.#options.env.fetch(this.#sessionUrl, {
      method: 'PATCH',
      headers,
      body: answer,
      signal,
    })
    if (!response.ok) throw failureOf(response)
  }

  async #watch(): Promise<void> {
    const { env, onSample } = this.#options
    this.#keepLayers()
    let bytes = 0
    let heardAt = env.now()
    for (;;) {
      await sleep(env, WATCH_MS, this.lost)
      if (this.lost.aborted) return
      const report = await this.#connection.getStats()
      if (this.lost.aborted) return
      const received = bytesReceived(report)
      if (received !== bytes) {
        heardAt = env.now()
        this.#checkAt = 0
      }
      bytes = received
      const silence = env.now() - heardAt
      if (silence >= SILENCE_MS && !(await this.#isAlive(silence))) return this.#losing.abort()
      if (this.lost.aborted) return
      onSample(this.#sample(report, silence >= SILENCE_MS))
      this.#report = report
    }
  }

  #sample(report: RTCStatsReport, isStalled: boolean): Sample {
    const delay = webrtcDelay(report, this.#report, this.#options.clockOffset())
    const qualities: readonly Quality[] = this.#layers?.qualities ?? []
    const height = frameHeight(report)
    // Another size may be another quality, or another publisher with other qualities.
    if (height !== this.#height && this.#height !== undefined) void this.#layers?.refresh()
    this.#height = height
    return {
      delayMs: delay?.delayMs,
      isDelayMeasured: delay?.isMeasured ?? false,
      isStalled,
      qualities,
      playingQuality: qualities.find(quality => quality.height === height)?.name,
      audioOptions: undefined,
      timeline: undefined,
    }
  }

  async #keepLayers(): Promise<void> {
    const layers = this.#layers
    if (!layers) return
    const { env } = this.#options
    await layers.refresh()
    if (this.#quality !== AUTO) await layers.choose(this.#quality)
    while (!this.lost.aborted) {
      await sleep(env, LAYERS_MS, this.lost)
      if (!this.lost.aborted) await layers.refresh()
    }
  }

  /** Asks the server, which alone can tell a publisher that stalls from a media worker that died. */
  async #isAlive(silenceMs: number): Promise<boolean> {
    const { env, headers } = this.#options
    const state = this.#connection.connectionState
    if (state === 'failed' || (state === 'disconnected' && silenceMs > PATH_DOWN_MS)) return false
    if (env.now() < this.#checkAt) return true
    this.#checkAt = env.now() + (silenceMs > RECHECK_MS.lateAfter ? RECHECK_MS.late : RECHECK_MS.early)
    const check = (signal: AbortSignal) => env.fetch(this.#sessionUrl, { headers, signal })
    const response = await withDeadline(env, SESSION_CHECK_MS, this.lost, check).catch(() => undefined)
    this.#isGone = response?.status === 404
    return response !== undefined && !this.#isGone
  }
}

/** Asks the server to offer. Throws `WebrtcError`, or what `fetch` throws when `signal` is aborted. */
export async function requestOffer(
  options: {
    readonly env: PlayerEnvironment
    /** Absolute address of the WHEP endpoint. */
    readonly url: string
    readonly headers: Record<string, string>
  },
  signal: AbortSignal,
): Promise<SessionOffer> {
  const { env, url, headers } = options
  const response = await env.fetch(url, { method: 'POST', headers, signal })
  if (response.status !== 201) throw failureOf(response)
  const location = response.headers.get('location')
  if (!location) throw new WebrtcError('refused', 'the server named no session')
  const sessionUrl = new URL(location, url).href
  return {
    sdp: await response.text(),
    sessionUrl,
    layersUrl: layersUrl(response.headers.get('link'), sessionUrl),
  }
}

function failureOf(response: Response): WebrtcError {
  const { status } = response
  const message = `the server answered ${status}`
  if (status === 409) return new WebrtcError('not_live', message)
  return new WebrtcError(status >= 500 || status === 404 ? 'busy' : 'refused', message)
}

/** Shows each frame as soon as it is whole; the names are the standard's and Chromium's older one, in ms and s. */
function minimiseDelay(receiver: RTCRtpReceiver): void {
  if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0
  if ('playoutDelayHint' in receiver) receiver.playoutDelayHint = 0
}

/** Without `stereo=1` in what the receiver says, Chromium decodes Opus to one channel: RFC 7587 section 6.1. */
function acceptStereo(sdp: string): string {
  const payloadType = /^a=rtpmap:(\d+) opus\//im.exec(sdp)?.[1]
  if (!payloadType) return sdp
  return sdp.replace(new RegExp(`^a=fmtp:${payloadType} .*$`, 'm'), line =>
    /\bstereo=1/.test(line) ? line : `${line.trimEnd()};stereo=1`,
  )
}
