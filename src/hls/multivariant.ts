/** Writes the multivariant playlist of a live stream. */
import { describeMultivariant } from '../../media/hls/multivariant.ts'
import { renderMultivariant } from '../../media/hls/playlist.ts'
import type { Rendition } from './rendition.ts'

/** `offered`: what is there to choose from; `isSoundOnly`: only its sounds. `uriOf`: of a rendition's media playlist. */
export function writeMultivariant(
  offered: readonly Rendition[],
  uriOf: (rendition: Rendition) => string,
  isSoundOnly = false,
): string {
  const renditions = offered.map(each => ({
    uri: uriOf(each),
    isSource: each.kind === 'source',
    tracks: each.window.listedTracks,
    rates: each.window.rates,
    hasOnlyIndependent: each.window.hasOnlyIndependent,
  }))
  return renderMultivariant(describeMultivariant(renditions, isSoundOnly))
}
