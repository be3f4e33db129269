/** Describes what a Period holds: pictures that a player may change between, and sounds that it may choose. */
import { videoRangeOf } from '../colour.ts'
import {
  languageOf,
  type PictureFacts,
  type Rates,
  type SoundFacts,
  type TrackFacts,
} from '../track-facts.ts'
import type { AdaptationSet, Representation, TimelineSegment } from './manifest.ts'

export interface PresentedSegment {
  readonly sequence: number
  /** On the broadcast's time line. */
  readonly startSeconds: number
  readonly durationSeconds: number
}

/** A rendition with its segments of one Period: at least one. */
export interface Presented<T extends TrackFacts = TrackFacts> {
  /** Its Representation's id. */
  readonly name: string
  /** The number that its AdaptationSet has in every Period. */
  readonly setId: number
  readonly track: T
  readonly rates: Rates
  readonly hasOnlyIndependent: boolean
  /** Relative to the Period's `baseUri`; `$Number$` stands for a segment's sequence. */
  readonly initUri: string
  readonly mediaUri: string
  readonly segments: readonly PresentedSegment[]
}

/** The pictures of each codec and video range together, as a player changes within them; each sound alone. */
export function describeAdaptationSets(
  members: readonly Presented[],
  mediaStartSeconds: number,
): AdaptationSet[] {
  const pictures = members.filter((each): each is Presented<PictureFacts> => each.track.kind === 'video')
  const sounds = members.filter((each): each is Presented<SoundFacts> => each.track.kind === 'audio')
  const describe = (member: Presented) => describeRepresentation(member, mediaStartSeconds)
  return [
    ...Map.groupBy(pictures, ({ track }) => `${track.codec} ${videoRangeOf(track.colour)}`)
      .values()
      .map(group => ({
        id: group[0]!.setId,
        kind: 'video' as const,
        isMain: true,
        startsWithKeyFrames: group.every(each => each.hasOnlyIndependent),
        colour: group[0]!.track.colour,
        representations: group.map(describe),
      })),
    ...sounds.map(sound => ({
      id: sound.setId,
      kind: 'audio' as const,
      language: languageOf(sound.track),
      isMain: sound === sounds[0],
      startsWithKeyFrames: true,
      representations: [describe(sound)],
    })),
  ]
}

function describeRepresentation(member: Presented, mediaStartSeconds: number): Representation {
  const { name, track, rates, initUri, mediaUri, segments } = member
  return {
    id: name,
    bandwidthBps: rates.peakBps,
    codecs: track.codecString,
    initUri,
    mediaUri,
    timescale: track.timescale,
    presentationTimeOffset: Math.round(mediaStartSeconds * track.timescale),
    startNumber: segments[0]!.sequence,
    segments: segments.map(segment => timed(segment, track.timescale)),
    ...(track.kind === 'video'
      ? {
          picture: {
            width: track.width,
            height: track.height,
            frameRate: track.frameRate ?? rates.frameRate,
          },
        }
      : { sound: { sampleRate: track.sampleRate, channels: track.channels } }),
  }
}

/** Rounded at both ends, so that one begins where the one before it ends. */
function timed({ startSeconds, durationSeconds }: PresentedSegment, timescale: number): TimelineSegment {
  const start = Math.round(startSeconds * timescale)
  return { start, duration: Math.round((startSeconds + durationSeconds) * timescale) - start }
}
