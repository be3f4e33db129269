/** Writes the MPEG-DASH manifest of a stream out of the windows that HLS lists too. */
import { describeAdaptationSets, type Presented } from '../../media/dash/adaptation.ts'
import { type Period, renderManifest, renderPeriods } from '../../media/dash/manifest.ts'
import { CompressedText } from '../media-response.ts'
import { type DashPeriod, DashPeriods } from './dash-periods.ts'
import type { Rendition } from './rendition.ts'
import type { Segment } from './segment.ts'
import { initUri } from './segment-lines.ts'
import type { HlsStream } from './stream.ts'

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
  #shared: { readonly key: string; readonly manifest: CompressedText } | undefined

  /** `now`: milliseconds since the epoch. */
  constructor(stream: HlsStream, now: () => number) {
    this.#stream = stream
    this.#now = now
  }

  /** The same for everybody until the next segment. The stream's source has a segment. */
  shared(): CompressedText {
    const rendered = this.#render()
    if (this.#shared?.key !== rendered.key)
      this.#shared = { key: rendered.key, manifest: new CompressedText(this.#text(rendered)) }
    return this.#shared.manifest
  }

  /** One that sends its player to `locationUri` for the next. */
  withLocation(locationUri: string): CompressedText {
    return new CompressedText(this.#text(this.#render(), locationUri))
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
    const oldest = this.#stream.source.window.segments.oldestListed!.segment.sequence
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
    const members = period.members.flatMap(({ rendition, initIndex }): Presented[] => {
      const segments = listed
        .get(rendition)!
        .filter(({ sequence }) => sequence >= from && sequence < period.until)
      // A packager that failed may have left a rendition without.
      if (!segments[0]) return []
      const { name, window } = rendition
      return [
        {
          ...{ name, segments, track: segments[0].track!, rates: window.rates },
          setId: this.#stream.renditions.indexOf(rendition) + 1,
          hasOnlyIndependent: window.hasOnlyIndependent,
          initUri: `${name}/${initUri(initIndex)}`,
          mediaUri: `${name}/$Number$.m4s`,
        },
      ]
    })
    const { startSeconds, mediaStartSeconds } = period
    const listedFrom = Math.min(...members.map(({ segments }) => segments[0]!.startSeconds))
    const described: Period = {
      id: `p${period.from}`,
      startSeconds,
      // From `/dash/SLUG/manifest.mpd`.
      baseUri: `../../hls/${this.#stream.identity.slug}/${this.#stream.identity.id}/`,
      adaptationSets: describeAdaptationSets(members, mediaStartSeconds),
    }
    return { period: described, listedFromSeconds: startSeconds + listedFrom - mediaStartSeconds }
  }
}

/** Changes with each segment that comes or goes. */
function rangeOf({ segments, nextPart }: Rendition['window']): string {
  return `${segments.oldestListed?.segment.sequence}-${nextPart.sequence}`
}
