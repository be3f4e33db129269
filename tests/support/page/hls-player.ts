/** A page's hls.js in low-latency mode. */
import Hls from 'hls.js'

export interface HlsState {
  /** Seconds from capture, by EXT-X-PROGRAM-DATE-TIME; undefined while nothing plays. */
  readonly latency: number | undefined
  readonly targetLatency: number | null
  readonly errors: readonly string[]
  readonly startedAtMs: number
}

/** Without it, hls.js stays as far behind as it happened to begin. */
const CATCH_UP_RATE = 1.1
const RETRY_MS = 500
let state: { hls: Hls; errors: string[]; startedAtMs: number } | undefined

/** Plays `url` in the page's <video>, trying again while there is no playlist yet. */
export function playHls(url: string): void {
  const hls = new Hls({
    lowLatencyMode: true,
    liveDurationInfinity: true,
    maxLiveSyncPlaybackRate: CATCH_UP_RATE,
  })
  const errors: string[] = []
  state = { hls, errors, startedAtMs: performance.now() }
  hls.on(Hls.Events.ERROR, (_, { fatal, details, type }) => {
    errors.push(fatal ? `fatal: ${details}` : details)
    if (fatal && type === Hls.ErrorTypes.NETWORK_ERROR) setTimeout(() => hls.loadSource(url), RETRY_MS)
  })
  const video = document.querySelector('video')!
  hls.attachMedia(video)
  hls.loadSource(url)
  video.play().catch(error => console.error(`play: ${error}`))
}

/** Plays the picture of this height from now on, whatever the bandwidth. */
export function pinHlsHeight(height: number): void {
  const { hls } = state!
  const level = hls.levels.findIndex(each => each.height === height)
  if (level < 0) throw new Error(`there are only ${hls.levels.map(each => each.height)}`)
  hls.nextLevel = level
}

export function hlsState(): HlsState | undefined {
  if (!state) return undefined
  const { hls, errors, startedAtMs } = state
  const shownAt = hls.playingDate
  const latency = shownAt ? (Date.now() - shownAt.getTime()) / 1000 : undefined
  return { latency, targetLatency: hls.targetLatency, errors, startedAtMs }
}
