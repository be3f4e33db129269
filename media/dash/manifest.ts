/** Hides the text of MPEG-DASH manifests (ISO/IEC 23009-1): values in, an MPD out. */
import type { Colour } from '../colour.ts'

/** One Segment of a timeline, in ticks of its Representation's timescale. */
export interface TimelineSegment {
  readonly start: number
  readonly duration: number
}

export interface Representation {
  /** Unique within its Period; no whitespace. */
  readonly id: string
  readonly bandwidthBps: number
  /** RFC 6381. */
  readonly codecs: string
  /** Relative to the Period's `baseUri`; `$Number$` stands for a Segment's number. */
  readonly initUri: string
  readonly mediaUri: string
  readonly timescale: number
  /** Media time at which its Period begins, in ticks. */
  readonly presentationTimeOffset: number
  /** Of the first of `segments`; each of the others has the next one. */
  readonly startNumber: number
  readonly segments: readonly TimelineSegment[]
  readonly picture?: { readonly width: number; readonly height: number; readonly frameRate: number }
  readonly sound?: { readonly sampleRate: number; readonly channels: number }
}

/** Representations that a player may change between. */
export interface AdaptationSet {
  /** Unique within its Period, the same in every refresh. */
  readonly id: number
  readonly kind: 'video' | 'audio'
  /** BCP 47. */
  readonly language?: string | undefined
  /** What is played when nobody chooses. */
  readonly isMain: boolean
  /** Every Segment begins with a frame that decodes alone. */
  readonly startsWithKeyFrames: boolean
  readonly colour?: Colour | undefined
  readonly representations: readonly Representation[]
}

/** A stretch of media with one time line and one decoder configuration for each Representation. */
export interface Period {
  /** The same in every refresh. */
  readonly id: string
  /** On the presentation's time line. */
  readonly startSeconds: number
  readonly baseUri: string
  readonly adaptationSets: readonly AdaptationSet[]
}

export interface ManifestHeader {
  /** Wall-clock time of the presentation's zero, milliseconds since the epoch. */
  readonly availabilityStartMs: number
  readonly publishedAtMs: number
  readonly targetDurationSeconds: number
  /** How far a viewer may rewind. */
  readonly timeShiftSeconds: number
  /** Where the presentation ends on its time line; undefined: it goes on. */
  readonly endSeconds: number | undefined
  /** Tells the time as ISO 8601 text. */
  readonly clockUri: string
  /** Where to ask for the next version instead of the address that gave this one. */
  readonly locationUri?: string | undefined
}

const NAMESPACE = 'urn:mpeg:dash:schema:mpd:2011'
/** ISO/IEC 23009-1 8.4, and 8.12 (CMAF). */
const PROFILES = 'urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019'
const CLOCK_SCHEME = 'urn:mpeg:dash:utc:http-iso:2014'
const ROLE_SCHEME = 'urn:mpeg:dash:role:2011'
const CHANNELS_SCHEME = 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011'
const COLOUR_SCHEMES = 'urn:mpeg:mpegB:cicp:'
/** A segment may be this much longer than its target. */
const ROUNDING_SECONDS = 0.5
/** Target durations behind the live edge: a segment to come, one to learn of it, and one in reserve. */
const DELAY_TARGET_DURATIONS = 3

/** The MPD around `periods`, which `renderPeriods` made. */
export function renderManifest(header: ManifestHeader, periods: string): string {
  const { targetDurationSeconds, endSeconds } = header
  const isLive = endSeconds === undefined
  const live = {
    minimumUpdatePeriod: duration(targetDurationSeconds),
    timeShiftBufferDepth: duration(header.timeShiftSeconds),
    suggestedPresentationDelay: duration(targetDurationSeconds * DELAY_TARGET_DURATIONS),
  }
  const mpd = attributes({
    xmlns: NAMESPACE,
    profiles: PROFILES,
    // 5.3.1.2: what was dynamic becomes static with its last version, which has no update period and tells its end.
    type: isLive ? 'dynamic' : 'static',
    availabilityStartTime: dateTime(header.availabilityStartMs),
    publishTime: dateTime(header.publishedAtMs),
    minBufferTime: duration(targetDurationSeconds),
    maxSegmentDuration: duration(targetDurationSeconds + ROUNDING_SECONDS),
    ...(isLive ? live : { mediaPresentationDuration: duration(endSeconds) }),
  })
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<MPD${mpd}>`]
  if (header.locationUri !== undefined) lines.push(`  <Location>${escapeXml(header.locationUri)}</Location>`)
  lines.push(periods)
  if (isLive) lines.push(`  <UTCTiming${attributes({ schemeIdUri: CLOCK_SCHEME, value: header.clockUri })}/>`)
  return `${lines.join('\n')}\n</MPD>\n`
}

/** The Periods, 5.3.2, in the order of their starts. */
export function renderPeriods(periods: readonly Period[]): string {
  return periods
    .map(({ id, startSeconds, baseUri, adaptationSets }) =>
      [
        `  <Period${attributes({ id, start: duration(startSeconds) })}>`,
        `    <BaseURL>${escapeXml(baseUri)}</BaseURL>`,
        ...adaptationSets.map(renderAdaptationSet),
        '  </Period>',
      ].join('\n'),
    )
    .join('\n')
}

/** 5.3.3; roles of 5.8.5.5. */
function renderAdaptationSet(set: AdaptationSet): string {
  const { id, kind, language, isMain, startsWithKeyFrames, representations } = set
  const own = attributes({
    id,
    contentType: kind,
    mimeType: `${kind}/mp4`,
    lang: language,
    segmentAlignment: true,
    // 5.3.3.2: a stream access point of type 1 (ISO/IEC 14496-12 Annex I).
    startWithSAP: startsWithKeyFrames ? 1 : undefined,
  })
  const role = attributes({ schemeIdUri: ROLE_SCHEME, value: isMain ? 'main' : 'alternate' })
  return [
    `    <AdaptationSet${own}>`,
    ...colourProperties(set.colour),
    `      <Role${role}/>`,
    ...representations.map(renderRepresentation),
    '    </AdaptationSet>',
  ].join('\n')
}

/** By the schemes of ISO/IEC 23091-2. Supplemental: wrong colours are better than no picture. */
function colourProperties(colour: Colour | undefined): string[] {
  if (!colour) return []
  const { primaries, transfer, matrix } = colour
  const properties = {
    ColourPrimaries: primaries,
    TransferCharacteristics: transfer,
    MatrixCoefficients: matrix,
  }
  return Object.entries(properties).map(
    ([name, value]) =>
      `      <SupplementalProperty${attributes({ schemeIdUri: `${COLOUR_SCHEMES}${name}`, value })}/>`,
  )
}

/** 5.3.5, with its SegmentTemplate, 5.3.9.4. */
function renderRepresentation(representation: Representation): string {
  const { id, bandwidthBps: bandwidth, codecs, picture, sound } = representation
  const own = attributes({
    id,
    bandwidth: Math.max(1, Math.ceil(bandwidth)),
    codecs,
    width: picture?.width,
    height: picture?.height,
    frameRate: picture && frameRate(picture.frameRate),
    audioSamplingRate: sound?.sampleRate,
  })
  const template = attributes({
    timescale: representation.timescale,
    presentationTimeOffset: representation.presentationTimeOffset,
    startNumber: representation.startNumber,
    initialization: representation.initUri,
    media: representation.mediaUri,
  })
  const lines = [`      <Representation${own}>`]
  if (sound)
    lines.push(
      `        <AudioChannelConfiguration${attributes({ schemeIdUri: CHANNELS_SCHEME, value: speakers(sound.channels) })}/>`,
    )
  lines.push(
    `        <SegmentTemplate${template}>`,
    `          <SegmentTimeline>${renderTimeline(representation.segments)}</SegmentTimeline>`,
    '        </SegmentTemplate>',
    '      </Representation>',
  )
  return lines.join('\n')
}

/** 5.3.9.6: S@t where it does not follow from the segment before, S@r for further ones of the same duration. */
function renderTimeline(segments: readonly TimelineSegment[]): string {
  const runs: { start: number | undefined; duration: number; repeats: number }[] = []
  let end: number | undefined
  for (const { start, duration } of segments) {
    const last = runs.at(-1)
    if (last && start === end && last.duration === duration) last.repeats++
    else runs.push({ start: start === end ? undefined : start, duration, repeats: 0 })
    end = start + duration
  }
  return runs
    .map(run => `<S${attributes({ t: run.start, d: run.duration, r: run.repeats || undefined })}/>`)
    .join('')
}

/** ChannelConfiguration of ISO/IEC 23003-3: the number of channels up to 5.1; 7 is 7.1. */
function speakers(channels: number): number {
  return channels === 8 ? 7 : channels
}

/** FrameRateType: whole, or a fraction; those of NTSC are 1000/1001 of a whole one. */
function frameRate(perSecond: number): string {
  const isNear = (value: number) => Math.abs(value - Math.round(value)) < 0.005
  if (isNear(perSecond)) return String(Math.round(perSecond))
  if (isNear(perSecond * 1.001)) return `${Math.round(perSecond * 1.001) * 1000}/1001`
  return `${Math.round(perSecond * 1000)}/1000`
}

/** xs:duration, with no more than microseconds. */
function duration(seconds: number): string {
  return `PT${Number(seconds.toFixed(6))}S`
}

function dateTime(ms: number): string {
  return new Date(ms).toISOString()
}

/** Each with a space before it; those that are undefined are left out. */
function attributes(values: Record<string, string | number | boolean | undefined>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('')
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, character => ENTITIES[character]!)
}
