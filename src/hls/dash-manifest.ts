/** Writes the MPEG-DASH manifest of a stream out of the windows that HLS lists too. */
import type { AudioTrack, Track, VideoTrack } from '../../media/access-unit.ts'
import { videoRangeOf } from '../../media/colour.ts'
import {
  type AdaptationSet,
  type Period,
  type Representation,
  renderManifest,
  renderPeriods,
  type TimelineSegment,
} from '../../media/dash/manifest.ts'
import { type DashPeriod, DashPeriods, type PeriodMember } from './dash-periods.ts'
import { languageOf } from './multivariant.ts'
import type { Rendition } from './rendition.ts'
import { RenderedPlaylist } from './rendition.ts'
import type { Segment } from './segment.ts'
import { initUri } from './segment-lines.ts'
import type { HlsStream } from './stream.ts'

/** A rendition with its track and its listed segments of one Period. */
interface Member<T extends Track = Track> {
  readonly rendition: Rendition
  readonly track: T
  readonly initIndex: number
  readonly segments: readonly Segment[]
}

interface Rendered {
  readonly key: string
  readonly publishedAtMs: number
  readonly periods: string
  readonly timeShiftSeconds: number
  readonly endSeconds: number
}

export class DashManifest {
  readonly #stream: HlsStream
  readonly #now: () => number
  readonly #periods = new DashPeriods()
  #rendered: Rendered | undefined
  #shared: { readonly key: string; readonly manifest: RenderedPlaylist } | undefined

  /** `now`: milliseconds since the epoch. */
  constructor(stream: HlsStream, now: () => number) {
    this.#stream = stream
    this.#now = now
  }

  /** The same for everybody until the next segment. The stream's source has a segment. */
  shared(): RenderedPlaylist {
    const rendered = this.#render()
    if (this.#shared?.key !== rendered.key)
      this.#shared = { key: rendered.key, manifest: new RenderedPlaylist(this.#text(rendered)) }
    return this.#shared.manifest
  }

  /** One that sends its player to `locationUri` for the next. */
  withLocation(locationUri: string): RenderedPlaylist {
    return new RenderedPlaylist(this.#text(this.#render(), locationUri))
  }

  #text(rendered: Rendered, locationUri?: string): string {
    return renderManifest(
      {
        availabilityStartMs: this.#periods.availabilityStartMs,
        publishedAtMs: rendered.publishedAtMs,
        targetDurationSeconds: this.#stream.source.window.timing!.targetDurationSeconds,
        timeShiftSeconds: rendered.timeShiftSeconds,
        endSeconds: this.#stream.isEnded ? rendered.endSeconds : undefined,
        clockUri: '../clock',
        locationUri,
      },
      rendered.periods,
    )
  }

  #render(): Rendered {
    const { renditions, isEnded } = this.#stream
    const key = [isEnded, ...renditions.map(({ window }) => rangeOf(window))].join()
    if (this.#rendered?.key === key) return this.#rendered
    this.#periods.update(renditions, isEnded)
    const { playable } = this.#periods
    const listed = new Map(renditions.map(each => [each, each.window.listed.map(({ segment }) => segment)]))
    const oldest = this.#stream.source.window.oldestListed!.sequence
    const periods = playable.map(period => this.#describe(period, Math.max(oldest, period.from), listed))
    const endSeconds = playable.at(-1)?.endSeconds ?? 0
    this.#rendered = {
      key,
      publishedAtMs: this.#now(),
      periods: renderPeriods(periods.map(each => each.period)),
      timeShiftSeconds: endSeconds - (periods[0]?.listedFromSeconds ?? 0),
      endSeconds,
    }
    return this.#rendered
  }

  #describe(period: DashPeriod, from: number, listed: ReadonlyMap<Rendition, readonly Segment[]>) {
    const members = period.members.flatMap(({ rendition, initIndex }: PeriodMember): Member[] => {
      const segments = listed
        .get(rendition)!
        .filter(({ sequence }) => sequence >= from && sequence < period.until)
      // A packager that failed may have left a rendition without.
      return segments[0] ? [{ rendition, initIndex, segments, track: segments[0].track! }] : []
    })
    const { startSeconds, mediaStartSeconds } = period
    const listedFrom = Math.min(...members.map(({ segments }) => segments[0]!.startSeconds))
    const described: Period = {
      id: `p${period.from}`,
      startSeconds,
      // From `/dash/SLUG/manifest.mpd`.
      baseUri: `../../hls/${this.#stream.identity.slug}/${this.#stream.identity.id}/`,
      adaptationSets: this.#adaptationSets(members, mediaStartSeconds),
    }
    return { period: described, listedFromSeconds: startSeconds + listedFrom - mediaStartSeconds }
  }

  /** The pictures of each codec and video range together, as a player changes within them; each sound alone. */
  #adaptationSets(members: readonly Member[], mediaStartSeconds: number): AdaptationSet[] {
    const pictures = members.filter((each): each is Member<VideoTrack> => each.track.kind === 'video')
    const sounds = members.filter((each): each is Member<AudioTrack> => each.track.kind === 'audio')
    const idOf = ({ rendition }: Member) => this.#stream.renditions.indexOf(rendition) + 1
    const describe = (member: Member) => describeMember(member, mediaStartSeconds)
    return [
      ...Map.groupBy(pictures, ({ track }) => `${track.codec} ${videoRangeOf(track.colour)}`)
        .values()
        .map(group => ({
          id: idOf(group[0]!),
          kind: 'video' as const,
          isMain: true,
          startsWithKeyFrames: group.every(({ rendition }) => rendition.window.hasOnlyIndependent),
          colour: group[0]!.track.colour,
          representations: group.map(describe),
        })),
      ...sounds.map(sound => ({
        id: idOf(sound),
        kind: 'audio' as const,
        language: languageOf(sound.track),
        isMain: sound === sounds[0],
        startsWithKeyFrames: true,
        representations: [describe(sound)],
      })),
    ]
  }
}

function describeMember(member: Member, mediaStartSeconds: number): Representation {
  const { rendition, track, initIndex, segments } = member
  const { peakBps, frameRate } = rendition.window.rates
  return {
    id: rendition.name,
    bandwidthBps: peakBps,
    codecs: track.codecString,
    initUri: `${rendition.name}/${initUri(initIndex)}`,
    mediaUri: `${rendition.name}/$Number$.m4s`,
    timescale: track.timescale,
    presentationTimeOffset: Math.round(mediaStartSeconds * track.timescale),
    startNumber: segments[0]!.sequence,
    segments: segments.map(segment => timed(segment, track.timescale)),
    ...(track.kind === 'video'
      ? { picture: { width: track.width, height: track.height, frameRate: track.frameRate ?? frameRate } }
      : { sound: { sampleRate: track.sampleRate, channels: track.channels } }),
  }
}

/** Rounded at both ends, so that one begins where the one before it ends. */
function timed({ startSeconds, durationSeconds }: Segment, timescale: number): TimelineSegment {
  const start = Math.round(startSeconds * timescale)
  return { start, duration: Math.round((startSeconds + durationSeconds) * timescale) - start }
}

/** Changes with each segment that comes or goes. */
function rangeOf({ oldestListed, nextPart }: Rendition['window']): string {
  return `${oldestListed?.sequence}-${nextPart.sequence}`
}
