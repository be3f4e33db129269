/** Writes the multivariant playlist: which pictures and sounds of a stream a player may choose from. */
import type { AudioTrack, VideoTrack } from '../../media/access-unit.ts'
import { videoRangeOf as rangeOf, type VideoRange } from '../../media/colour.ts'
import { renderMultivariant, type Sound, type Variant } from '../../media/hls/playlist.ts'
import type { Rendition } from './rendition.ts'

interface Fed<T> {
  readonly rendition: Rendition
  readonly track: T
}

const LANGUAGES = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' })

/**
 * The source first, then the ladder from the best down, then sound alone; `isSoundOnly`: only that. `offered`: what is
 * there to choose from. `uriOf`: of a rendition's media playlist.
 */
export function writeMultivariant(
  offered: readonly Rendition[],
  uriOf: (rendition: Rendition) => string,
  isSoundOnly = false,
): string {
  const pictures = offered.flatMap(each => fed<VideoTrack>(each, 'video'))
  const soundsOffered = offered.flatMap(each => fed<AudioTrack>(each, 'audio'))
  pictures.sort((left, right) => rank(right) - rank(left))
  const sounds = describeSounds(soundsOffered, uriOf)
  const codecs = [...new Set(soundsOffered.flatMap(({ rendition }) => codecsOf(rendition)))]
  const variants = [
    ...(isSoundOnly ? [] : pictures.map(picture => pictureVariant(picture, soundsOffered, codecs, uriOf))),
    ...soundsOffered
      .slice(0, 1)
      .map(({ rendition }) => soundVariant(rendition, soundsOffered, codecs, uriOf)),
  ]
  const hasIndependentSegments = offered.every(each => each.window.hasOnlyIndependent)
  return renderMultivariant({ variants, sounds, hasIndependentSegments })
}

/** With the track of its newest media, which a rendition without any lacks. */
function fed<T extends AudioTrack | VideoTrack>(rendition: Rendition, kind: T['kind']): Fed<T>[] {
  const track = rendition.window.track
  return track?.kind === kind ? [{ rendition, track: track as T }] : []
}

function rank({ rendition, track }: Fed<VideoTrack>): number {
  return rendition.kind === 'source' ? Number.POSITIVE_INFINITY : track.height
}

function pictureVariant(
  { rendition, track }: Fed<VideoTrack>,
  sounds: readonly Fed<AudioTrack>[],
  soundCodecs: readonly string[],
  uriOf: (rendition: Rendition) => string,
): Variant {
  const { peakBps, averageBps, frameRate } = rendition.window.rates
  return {
    uri: uriOf(rendition),
    // 4.4.6.2: of any playable combination, so with the biggest sound.
    bandwidthBps: peakBps + biggest(sounds, 'peakBps'),
    averageBandwidthBps: averageBps + biggest(sounds, 'averageBps'),
    codecs: [...codecsOf(rendition), ...soundCodecs],
    videoRange: videoRangeOf(rendition),
    resolution: { width: track.width, height: track.height },
    // 4.4.6.2: the highest of everything that is listed.
    frameRate: Math.max(...videoTracks(rendition).map(each => each.frameRate ?? frameRate)),
  }
}

/** 4.4.6.2: of everything that is listed, the newest first. */
function codecsOf({ window }: Rendition): string[] {
  return [...new Set(window.listedTracks.map(track => track.codecString))]
}

function videoTracks({ window }: Rendition): VideoTrack[] {
  return window.listedTracks.filter(track => track.kind === 'video')
}

/** 4.4.6.2: one that is mixed is what is hardest to show. */
function videoRangeOf(rendition: Rendition): VideoRange {
  const ranges = videoTracks(rendition).map(track => rangeOf(track.colour))
  return (['PQ', 'HLG'] as const).find(range => ranges.includes(range)) ?? 'SDR'
}

function soundVariant(
  rendition: Rendition,
  sounds: readonly Fed<AudioTrack>[],
  codecs: readonly string[],
  uriOf: (rendition: Rendition) => string,
): Variant {
  return {
    uri: uriOf(rendition),
    bandwidthBps: biggest(sounds, 'peakBps'),
    averageBandwidthBps: biggest(sounds, 'averageBps'),
    codecs,
  }
}

function biggest(sounds: readonly Fed<AudioTrack>[], rate: 'peakBps' | 'averageBps'): number {
  return Math.max(0, ...sounds.map(({ rendition }) => rendition.window.rates[rate]))
}

function describeSounds(
  sounds: readonly Fed<AudioTrack>[],
  uriOf: (rendition: Rendition) => string,
): Sound[] {
  const names = new Set<string>()
  const languages = new Set<string | undefined>()
  return sounds.map(({ rendition, track }, index) => {
    const language = languageOf(track)
    // 4.4.6.1.1: names differ within a group, and so do the languages of those that are chosen by themselves.
    const isAutoSelected = !languages.has(language)
    languages.add(language)
    const plain = (language && LANGUAGES.of(language)) ?? (index === 0 ? 'Main' : `Sound ${index + 1}`)
    const name = names.has(plain) ? `${plain} (${index + 1})` : plain
    names.add(name)
    return {
      uri: uriOf(rendition),
      name,
      language,
      channels: track.channels,
      isDefault: index === 0,
      isAutoSelected,
    }
  })
}

/** BCP 47 as it should be written; undefined where the publisher sent something else. */
export function languageOf({ language }: AudioTrack): string | undefined {
  if (language === undefined) return undefined
  try {
    return Intl.getCanonicalLocales(language)[0]
  } catch {
    return undefined
  }
}
