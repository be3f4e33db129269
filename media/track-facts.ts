/** What playlists and manifests tell of a track, whether it is live or stored; every `Track` is one. */
import type { AudioTrack, VideoTrack } from './access-unit.ts'
import type { Colour } from './colour.ts'

export interface PictureFacts
  extends Pick<VideoTrack, 'kind' | 'codec' | 'codecString' | 'width' | 'height'> {
  /** Ticks per second in its segments. */
  readonly timescale: number
  /** Frames per second as the publisher states it. */
  readonly frameRate?: number | undefined
  readonly colour?: Colour | undefined
}

export interface SoundFacts
  extends Pick<AudioTrack, 'kind' | 'codec' | 'codecString' | 'timescale' | 'sampleRate' | 'channels'> {
  /** BCP 47, where the publisher says. */
  readonly language?: string | undefined
}

export type TrackFacts = PictureFacts | SoundFacts

/** Bit rates and frame rate as they were measured. */
export interface Rates {
  /** Of its biggest segment. */
  readonly peakBps: number
  /** Over what is listed. */
  readonly averageBps: number
  readonly frameRate: number
}

/** BCP 47 as it should be written; undefined where the publisher sent something else. */
export function languageOf({ language }: SoundFacts): string | undefined {
  if (language === undefined) return undefined
  try {
    return Intl.getCanonicalLocales(language)[0]
  } catch {
    return undefined
  }
}

/** A short segment's rate says nothing of the stream: its key frame is all there is. */
export function countsAsPeak(durationSeconds: number, targetDurationSeconds: number): boolean {
  return durationSeconds >= targetDurationSeconds / 2
}

/** Bits per second of so many bytes. */
export function bitrateOf(bytes: number, durationSeconds: number): number {
  return Math.ceil((bytes * 8) / (durationSeconds || 1))
}
