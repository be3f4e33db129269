/** Decides what a multivariant playlist offers: which pictures and sounds a player may choose from. */
import { videoRangeOf as rangeOf, type VideoRange } from '../colour.ts'
import {
  languageOf,
  type PictureFacts,
  type Rates,
  type SoundFacts,
  type TrackFacts,
} from '../track-facts.ts'
import type { MultivariantPlaylist, Sound, Variant } from './playlist.ts'

export interface OfferedRendition {
  /** Of its media playlist. */
  readonly uri: string
  /** It is the publisher's own picture. */
  readonly isSource: boolean
  /** Of everything that is listed, all of one kind: first the one that is described. None: it is not offered. */
  readonly tracks: readonly TrackFacts[]
  readonly rates: Rates
  /** Every segment begins with a key frame. */
  readonly hasOnlyIndependent: boolean
}

interface Fed<T extends TrackFacts> extends OfferedRendition {
  /** The one that is described. */
  readonly track: T
}

const LANGUAGES = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' })

/** The source first, then the ladder from the best down, then sound alone; `isSoundOnly`: only that. */
export function describeMultivariant(
  offered: readonly OfferedRendition[],
  isSoundOnly = false,
): MultivariantPlaylist {
  const pictures = offered.flatMap(each => fed<PictureFacts>(each, 'video'))
  const sounds = offered.flatMap(each => fed<SoundFacts>(each, 'audio'))
  pictures.sort((left, right) => rank(right) - rank(left))
  const codecs = [...new Set(sounds.flatMap(codecsOf))]
  const variants = [
    ...(isSoundOnly ? [] : pictures.map(picture => pictureVariant(picture, sounds, codecs))),
    ...sounds.slice(0, 1).map(sound => soundVariant(sound, sounds, codecs)),
  ]
  const hasIndependentSegments = offered.every(each => each.hasOnlyIndependent)
  return { variants, sounds: describeSounds(sounds), hasIndependentSegments }
}

function fed<T extends TrackFacts>(rendition: OfferedRendition, kind: T['kind']): Fed<T>[] {
  const [track] = rendition.tracks
  return track?.kind === kind ? [{ ...rendition, track: track as T }] : []
}

function rank({ isSource, track }: Fed<PictureFacts>): number {
  return isSource ? Number.POSITIVE_INFINITY : track.height
}

function pictureVariant(
  picture: Fed<PictureFacts>,
  sounds: readonly Fed<SoundFacts>[],
  soundCodecs: readonly string[],
): Variant {
  const { uri, track, rates } = picture
  return {
    uri,
    // 4.4.6.2: of any playable combination, so with the biggest sound.
    bandwidthBps: rates.peakBps + biggest(sounds, 'peakBps'),
    averageBandwidthBps: rates.averageBps + biggest(sounds, 'averageBps'),
    codecs: [...codecsOf(picture), ...soundCodecs],
    videoRange: videoRangeOf(picture),
    resolution: { width: track.width, height: track.height },
    // 4.4.6.2: the highest of everything that is listed.
    frameRate: Math.max(...pictureTracks(picture).map(each => each.frameRate ?? rates.frameRate)),
  }
}

/** 4.4.6.2: of everything that is listed. */
function codecsOf({ tracks }: OfferedRendition): string[] {
  return [...new Set(tracks.map(track => track.codecString))]
}

function pictureTracks({ tracks }: OfferedRendition): PictureFacts[] {
  return tracks.filter(track => track.kind === 'video')
}

/** 4.4.6.2: one that is mixed is what is hardest to show. */
function videoRangeOf(picture: OfferedRendition): VideoRange {
  const ranges = pictureTracks(picture).map(track => rangeOf(track.colour))
  return (['PQ', 'HLG'] as const).find(range => ranges.includes(range)) ?? 'SDR'
}

function soundVariant(
  { uri }: Fed<SoundFacts>,
  sounds: readonly Fed<SoundFacts>[],
  codecs: readonly string[],
): Variant {
  return {
    uri,
    bandwidthBps: biggest(sounds, 'peakBps'),
    averageBandwidthBps: biggest(sounds, 'averageBps'),
    codecs,
  }
}

function biggest(sounds: readonly Fed<SoundFacts>[], rate: 'peakBps' | 'averageBps'): number {
  return Math.max(0, ...sounds.map(({ rates }) => rates[rate]))
}

function describeSounds(sounds: readonly Fed<SoundFacts>[]): Sound[] {
  const names = new Set<string>()
  const languages = new Set<string | undefined>()
  return sounds.map(({ uri, track }, index) => {
    const language = languageOf(track)
    // 4.4.6.1.1: names differ within a group, and so do the languages of those that are chosen by themselves.
    const isAutoSelected = !languages.has(language)
    languages.add(language)
    const plain = (language && LANGUAGES.of(language)) ?? (index === 0 ? 'Main' : `Sound ${index + 1}`)
    const name = names.has(plain) ? `${plain} (${index + 1})` : plain
    names.add(name)
    return { uri, name, language, channels: track.channels, isDefault: index === 0, isAutoSelected }
  })
}
