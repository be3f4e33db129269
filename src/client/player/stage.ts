/** Hides the video elements: a new one is laid over the old, which goes when the new one shows its first frame. */
import type { PlayerEnvironment } from './environment.ts'
import type { Sound } from './state.ts'

/** How long the old picture stays beneath the new one, which the compositor may not have painted yet. */
const OVERLAP_MS = 100

/**
 * A video without a frame is transparent, so the picture before it stays visible until there is a new one. The first
 * `<video>` in the container is always the one that is playing or played last.
 */
export class Stage {
  readonly #container: HTMLElement
  readonly #env: PlayerEnvironment
  readonly #onSound: () => void
  readonly #leaving = new Map<HTMLVideoElement, unknown>()
  #current: HTMLVideoElement | undefined
  #isMuted: boolean
  #volume = 1
  #isSilencedByBrowser = false

  constructor(container: HTMLElement, env: PlayerEnvironment, isMuted: boolean, onSound: () => void) {
    this.#container = container
    this.#env = env
    this.#isMuted = isMuted
    this.#onSound = onSound
  }

  get current(): HTMLVideoElement | undefined {
    return this.#current
  }

  get sound(): Sound {
    return { isMuted: this.#isMuted || this.#isSilencedByBrowser, volume: this.#volume }
  }

  /** True while the browser refuses sound until somebody touches the page. */
  get isSilencedByBrowser(): boolean {
    return this.#isSilencedByBrowser
  }

  /** A silent element over the current one; give it to `show` or `discard`. */
  prepare(): HTMLVideoElement {
    const video = this.#env.createVideo()
    video.muted = true
    video.autoplay = true
    video.playsInline = true
    Object.assign(video.style, {
      position: 'absolute',
      inset: '0',
      width: '100%',
      height: '100%',
      objectFit: 'contain',
    })
    this.#container.append(video)
    return video
  }

  /** `video` has a picture: it takes over, with the sound that was chosen. */
  show(video: HTMLVideoElement): void {
    const previous = this.#current
    this.#current = video
    if (previous) {
      previous.muted = true
      this.#leaving.set(
        previous,
        this.#env.setTimeout(() => this.discard(previous), OVERLAP_MS),
      )
    }
    this.#applySound()
  }

  discard(video: HTMLVideoElement): void {
    this.#env.clearTimeout(this.#leaving.get(video))
    this.#leaving.delete(video)
    if (this.#current === video) this.#current = undefined
    video.pause()
    video.srcObject = null
    video.remove()
  }

  /** Nothing is on: the container is empty, and what lies beneath (a poster) can be seen. */
  clear(): void {
    for (const video of [...this.#leaving.keys()]) this.discard(video)
    if (this.#current) this.discard(this.#current)
  }

  setSound(sound: Partial<Sound>): void {
    this.#isMuted = sound.isMuted ?? this.#isMuted
    this.#volume = Math.min(1, Math.max(0, sound.volume ?? this.#volume))
    if (sound.isMuted !== undefined) this.#isSilencedByBrowser = false
    this.#applySound()
  }

  /** A browser may pause an element that becomes audible unasked; then silence is better than a still. */
  #applySound(): void {
    const video = this.#current
    this.#onSound()
    if (!video) return
    video.volume = this.#volume
    video.muted = this.sound.isMuted
    video.play().catch((error: unknown) => {
      const isRefused = error instanceof DOMException && error.name === 'NotAllowedError'
      if (!isRefused || video !== this.#current || video.muted) return
      this.#isSilencedByBrowser = true
      this.#applySound()
    })
  }
}

/** Resolves true when `video` has its first frame, false when one of `signals` is aborted before. */
export function firstFrame(video: HTMLVideoElement, signals: readonly AbortSignal[]): Promise<boolean> {
  const isAborted = () => signals.some(signal => signal.aborted)
  const hasFrame = () => video.readyState >= 2 && video.videoWidth > 0
  if (isAborted() || hasFrame()) return Promise.resolve(!isAborted())
  const events = ['loadeddata', 'resize', 'timeupdate']
  return new Promise(resolve => {
    const check = () => {
      if (!isAborted() && !hasFrame()) return
      for (const name of events) video.removeEventListener(name, check)
      for (const signal of signals) signal.removeEventListener('abort', check)
      resolve(!isAborted())
    }
    for (const name of events) video.addEventListener(name, check)
    for (const signal of signals) signal.addEventListener('abort', check)
  })
}

/** Resolves true at the next event `name` of `video`, false when one of `signals` is aborted before. */
export function nextEvent(
  video: HTMLVideoElement,
  name: string,
  signals: readonly AbortSignal[],
): Promise<boolean> {
  if (signals.some(signal => signal.aborted)) return Promise.resolve(false)
  return new Promise(resolve => {
    const finish = (event: Event) => {
      video.removeEventListener(name, finish)
      for (const signal of signals) signal.removeEventListener('abort', finish)
      resolve(event.type === name)
    }
    video.addEventListener(name, finish)
    for (const signal of signals) signal.addEventListener('abort', finish)
  })
}
