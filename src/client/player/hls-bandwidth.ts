/** Lets hls.js measure a network by the bytes alone and forget by the clock, so that small parts do not hide a fast one. */
import type Hls from 'hls.js'
import type { Events, FragBufferedData, HlsConfig, LoaderStats } from 'hls.js'

/** What arrives in fewer pieces than can be told apart did not take less. */
const LEAST_SECONDS = 0.005
/** More than so many times what the best quality needs is not worth remembering when the network gets slower. */
const MOST_OF_BEST = 3

/**
 * hls.js counts what a request waits and its parsing as if bytes had come all the time, which makes small parts look
 * slow; and it weighs a download by the time it took, so that the fast ones after a slow time count for next to
 * nothing: a low quality was left after a minute or never. Here each counts for the time that it plays, or took.
 */
export function abrByTransfer(library: typeof Hls): HlsConfig['abrController'] {
  return class extends library.DefaultConfig.abrController {
    protected override onFragBuffered(event: Events.FRAG_BUFFERED, data: FragBufferedData): void {
      const { frag, part } = data
      const bestBps = Math.max(0, ...this.hls.levels.map(level => level.maxBitrate))
      const media = part !== null && part.stats.loaded > 0 ? part : frag
      const stats = weighed(media.stats, media.duration, bestBps * MOST_OF_BEST)
      const changed = Object.create(media, { stats: { value: stats } })
      super.onFragBuffered(event, { ...data, [media === part ? 'part' : 'frag']: changed })
    }
  }
}

/** A download of the same rate, up to `mostBps`, that took the time for which this one of `seconds` of media counts. */
export function weighed(stats: LoaderStats, seconds: number, mostBps: number): LoaderStats {
  const { first, end } = stats.loading
  const took = Math.max((end - first) / 1000, LEAST_SECONDS)
  const weight = Math.max(took, seconds)
  const bytesPerSecond = Math.min(stats.loaded / took, mostBps / 8)
  const until = first + weight * 1000
  return {
    ...stats,
    loaded: bytesPerSecond * weight,
    loading: { start: first, first, end: until },
    parsing: { ...stats.parsing, end: until },
  }
}
