/** Gives hls.js's levels the names that a quality has over every protocol. */
import type { Level } from 'hls.js'
import type { Quality } from './state.ts'

type NamedLevel = Pick<Level, 'height' | 'bitrate' | 'uri'>

/** Its rendition's folder (`…/720p/playlist.m3u8`); where that says nothing, its height. */
export function levelName({ uri, height }: NamedLevel): string {
  return /\/(source|\d+p\w*)\/[^/?]*(?:\?|$)/.exec(uri)?.[1] ?? `${height}p`
}

/** Best first. */
export function qualitiesOf(levels: readonly NamedLevel[]): Quality[] {
  return levels
    .map(level => ({ name: levelName(level), height: level.height, bitrateBps: level.bitrate }))
    .sort((a, b) => b.height - a.height || b.bitrateBps - a.bitrateBps)
}

/** -1, which is hls.js's automatic choice, for a name that no level has. */
export function levelIndex(levels: readonly NamedLevel[], name: string): number {
  return levels.findIndex(level => levelName(level) === name)
}
