/** Hides the WebRTC session: the server offers (WHEP's counter-offer), we answer, and a dead connection is noticed. */
import { bytesReceived, webrtcDelay } from './delay.ts'
import { type PlayerEnvironment, sleep, withDeadline } from './environment.ts'

const WATCH_MS = 300
/** Without a byte for this long the server is asked whether the session still lives. */
const SILENCE_MS = 700
const SESSION_CHECK_MS = 1_000
/** How often it is asked while the silence lasts: soon at first, then so that many viewers are no burden. */
const RECHECK_MS = { early: 1_000, late: 3_000, lateAfter: 5_000 }
/** A session that lives at the server while our own path to it is down. */
const PATH_DOWN_MS = 3_000

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

export interface WebrtcSample {
  readonly delayMs: number | undefined
  /** Nothing arrives, though the session lives: the publisher has paused or stalls. */
  readonly isStalled: boolean
}

export interface WebrtcOptions {
  /** Absolute address of the WHEP endpoint. */
  readonly url: string
  readonly headers: Record<string, string>
  readonly env: PlayerEnvironment
  readonly clockOffset: () => number | undefined
  readonly onSample: (sample: WebrtcSample) => void
}

export class WebrtcSession {
  readonly stream: MediaStream
  /** Aborted when the connection is lost or closed. */
  readonly lost: AbortSignal
  readonly #options: WebrtcOptions
  readonly #connection: RTCPeerConnection
  readonly #sessionUrl: string
  readonly #losing = new AbortController()
  #report: RTCStatsReport | undefined
  #checkAt = 0
  #isGone = false

  private constructor(options: WebrtcOptions, connection: RTCPeerConnection, sessionUrl: string) {
    this.stream = options.env.createStream()
    this.#options = options
    this.#connection = connection
    this.#sessionUrl = sessionUrl
    this.lost = this.#losing.signal
    connection.addEventListener('track', event => this.stream.addTrack(event.track))
    connection.addEventListener('connectionstatechange', () => {
      if (connection.connectionState === 'failed') this.#losing.abort()
    })
  }

  /** Negotiates. Throws `WebrtcError`, or what `fetch` throws when `signal` is aborted. */
  static async open(options: WebrtcOptions, signal: AbortSignal): Promise<WebrtcSession> {
    const { env } = options
    if (!env.createPeerConnection) throw new WebrtcError('refused', 'this browser has no WebRTC')
    const { offer, sessionUrl } = await requestOffer(options, signal)
    const session = new WebrtcSession(options, env.createPeerConnection(), sessionUrl)
    try {
      await session.#answer(offer, signal)
    } catch (error) {
      session.close()
      throw error
    }
    session.#watch().catch(() => session.#losing.abort())
    return session
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
    const { env, onSample, clockOffset } = this.#options
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
      onSample({
        delayMs: webrtcDelay(report, this.#report, clockOffset()),
        isStalled: silence >= SILENCE_MS,
      })
      this.#report = report
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

async function requestOffer(
  options: WebrtcOptions,
  signal: AbortSignal,
): Promise<{ offer: string; sessionUrl: string }> {
  const { env, url, headers } = options
  const response = await env.fetch(url, { method: 'POST', headers, signal })
  if (response.status !== 201) throw failureOf(response)
  const location = response.headers.get('location')
  if (!location) throw new WebrtcError('refused', 'the server named no session')
  return { offer: await response.text(), sessionUrl: new URL(location, url).href }
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
