/** Makes one connection that shows a picture, over one protocol, within a deadline; or none, and leaves nothing. */
import { type PlayerEnvironment, sleep, withDeadline } from './environment.ts'
import { HlsPlayback } from './hls.ts'
import { firstFrame, type Stage } from './stage.ts'
import type { Playback, Sample } from './state.ts'
import { requestOffer, type SessionOffer, WebrtcError, WebrtcSession } from './webrtc.ts'
import type { Wish } from './wish.ts'

const HLS_DEADLINE_MS = 15_000
const ATTEMPT_PAUSES_MS = [250, 500]
const LATER_PAUSE_MS = 1_000

interface ConnectorOptions {
  readonly env: PlayerEnvironment
  readonly stage: Stage
  readonly wish: Wish
  readonly baseUrl: string
  readonly headers: Record<string, string>
  /** An address, however old, with the token of now. */
  readonly address: (address: string) => string
  readonly clockOffset: () => number | undefined
  readonly isLive: () => Promise<boolean>
  readonly isPublisherAway: () => boolean
  readonly onSample: (playback: Playback, sample: Sample) => void
}

export class Connector {
  readonly #options: ConnectorOptions
  #early: { readonly path: string; readonly offer: Promise<SessionOffer> } | undefined

  constructor(options: ConnectorOptions) {
    this.#options = options
  }

  /** Asks for a session that the next `webrtc` may use, before it is known whether the channel is live. */
  prepareWebrtc(path: string, parent: AbortSignal): void {
    const { env, headers } = this.#options
    const offer = requestOffer({ env, headers, url: this.#resolve(path) }, parent)
    offer.catch(() => {})
    this.#early = { path, offer }
    parent.addEventListener('abort', () => this.discardPrepared())
  }

  /** The session that was asked for is not needed: it is ended at the server. */
  discardPrepared(): void {
    const { env, headers } = this.#options
    const end = ({ sessionUrl }: SessionOffer) => env.fetch(sessionUrl, { method: 'DELETE', headers })
    this.#early?.offer.then(end).catch(() => {})
    this.#early = undefined
  }

  /** One picture over WebRTC within `deadlineMs`, in as many attempts as it takes. */
  webrtc(path: string, deadlineMs: number, parent: AbortSignal): Promise<WebrtcSession | undefined> {
    const { env, isLive } = this.#options
    return withDeadline(env, deadlineMs, parent, async signal => {
      for (let attempt = 0; !signal.aborted; attempt++) {
        try {
          return await this.#openWebrtc(path, signal)
        } catch (error) {
          const failure = error instanceof WebrtcError ? error.failure : 'busy'
          if (failure === 'refused') return undefined
          if (failure === 'not_live' && !(await isLive())) return undefined
        }
        await sleep(env, ATTEMPT_PAUSES_MS[attempt] ?? LATER_PAUSE_MS, signal)
      }
      return undefined
    })
  }

  async hls(path: string, parent: AbortSignal): Promise<HlsPlayback | undefined> {
    const { env, stage, wish, headers, address, clockOffset, isPublisherAway, onSample } = this.#options
    const url = this.#resolve(path)
    const video = stage.prepare()
    try {
      const playback = await HlsPlayback.open({
        ...{ url, headers, address, video, env, clockOffset, isPublisherAway },
        quality: wish.quality,
        audioIndex: wish.audioIndex,
        timeMs: () => wish.timeMs,
        onSample: sample => onSample(playback, sample),
      })
      return await withDeadline(env, HLS_DEADLINE_MS, parent, signal => this.#show(playback, video, signal))
    } catch (error) {
      console.warn('HLS cannot be played', error)
      stage.discard(video)
      return undefined
    }
  }

  async #openWebrtc(path: string, signal: AbortSignal): Promise<WebrtcSession> {
    const { env, stage, wish, headers, clockOffset, onSample } = this.#options
    const url = this.#resolve(path)
    const ask = () => requestOffer({ env, headers, url }, signal)
    // Asked for where everybody may watch, it was refused where not.
    const early = this.#early?.path === path ? this.#early.offer : undefined
    if (!early) this.discardPrepared()
    const offer = early?.catch(error => (error instanceof WebrtcError ? Promise.reject(error) : ask()))
    this.#early = undefined
    const { quality } = wish
    const session = await WebrtcSession.open(
      { headers, env, clockOffset, quality, onSample: sample => onSample(session, sample) },
      offer ?? ask(),
      signal,
    )
    const video = stage.prepare()
    video.srcObject = session.stream
    video.play().catch(() => {})
    const shown = await this.#show(session, video, signal)
    if (!shown) throw new WebrtcError('busy', 'no picture came')
    return shown
  }

  /** `playback` takes the stage with its first frame; without one it is closed. */
  async #show<T extends Playback>(
    playback: T,
    video: HTMLVideoElement,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const signals = [signal, playback.lost]
    const hasPicture = await (playback instanceof HlsPlayback
      ? playback.hasPicture(signals)
      : firstFrame(video, signals))
    if (!hasPicture) {
      playback.close()
      this.#options.stage.discard(video)
      return undefined
    }
    this.#options.stage.show(video)
    return playback
  }

  #resolve(path: string): string {
    return new URL(this.#options.address(path), this.#options.baseUrl).href
  }
}
