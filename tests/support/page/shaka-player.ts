/** A page's Shaka Player: MPEG-DASH, and HLS in low-latency mode. */
import shaka from 'shaka-player'

export interface ShakaState {
  readonly isLive: boolean
  /** Seconds behind the wall clock, as the manifest maps it. */
  readonly latency: number | undefined
  /** Heights of the pictures on offer, lowest first. */
  readonly heights: readonly number[]
  readonly languages: readonly string[]
  /** Where a viewer may seek to, in seconds of the element's time line. */
  readonly seekRange: { readonly start: number; readonly end: number }
  readonly errors: readonly string[]
}

let state: { player: shaka.Player; errors: string[] } | undefined

/** Plays `url` in the page's first <video>, or in `video`. Rejects when it cannot begin. `lowLatencyMode`: for HLS with parts. */
export async function playShaka(
  url: string,
  lowLatencyMode = false,
  video = document.querySelector('video')!,
): Promise<void> {
  shaka.polyfill.installAll()
  const player = new shaka.Player()
  const errors: string[] = []
  state = { player, errors }
  player.addEventListener('error', (event: Event) => {
    const { severity, category, code, data } = (event as CustomEvent<shaka.util.Error>).detail
    errors.push(JSON.stringify({ severity, category, code, data }))
  })
  await player.attach(video)
  // Without it, Shaka stays as far behind as it happened to begin, or to stall.
  player.configure({ streaming: { lowLatencyMode, liveSync: { enabled: lowLatencyMode } } })
  await player.load(url)
  video.play().catch(error => console.error(`play: ${error}`))
}

export function shakaState(): ShakaState | undefined {
  if (!state) return undefined
  const { player, errors } = state
  const tracks = player.getVariantTracks()
  const shownAt = player.getPlayheadTimeAsDate()
  return {
    isLive: player.isLive(),
    latency: shownAt ? (Date.now() - shownAt.getTime()) / 1000 : undefined,
    heights: [...new Set(tracks.flatMap(track => track.height ?? []))].sort((a, b) => a - b),
    languages: [...new Set(tracks.map(track => track.language))],
    seekRange: player.seekRange(),
    errors,
  }
}

/** Plays the picture of this height from now on, whatever the bandwidth. */
export function pinShakaHeight(height: number): void {
  const { player } = state!
  player.configure({ abr: { enabled: false } })
  player.selectVariantTrack(player.getVariantTracks().find(track => track.height === height)!)
}
