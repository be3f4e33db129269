/** The whole life of a stream as its HTTP clients see it: every version of every playlist, with all that it lists. */
import type { HlsStream } from '../../src/hls/stream.ts'
import { type ReadSample, readFragments } from '../media/mp4/box-reader.ts'
import { encode } from './encoder.ts'
import { LiveChannel } from './live-channel.ts'
import { encodeRich, Site } from './live-site.ts'
import { readVersion, type SegmentLines, type Version } from './playlist-versions.ts'

export interface Recorded extends Version {
  /** When it was there, milliseconds on the channel's clock. */
  readonly at: number
  /** With `_HLS_skip=YES` and `v2`. */
  readonly deltas: readonly string[]
  /** Of the other renditions: the playlist that came at the same time. */
  readonly others: ReadonlyMap<string, Version>
}

/** A segment or part with its bytes, fetched as soon as it was listed. */
export interface Fetched {
  readonly listedAt: number
  readonly status: number
  readonly bytes: Uint8Array
}

export const FIRST_SECONDS = 34
const SECOND_SECONDS = 32
const AWAY_MS = 2_500
/** Between two looks. */
export const STEP_SECONDS = 1 / 30
export const RENDITIONS = ['source', '90p', 'audio', 'audio-2'] as const
export type RenditionName = (typeof RENDITIONS)[number]
const TIMESCALES = { source: 90_000, '90p': 90_000, audio: 48_000, 'audio-2': 48_000 }
/** The second publisher's. */
const SECOND_TIMESCALES = { ...TIMESCALES, audio: 44_100, 'audio-2': 44_100 }

export class RecordedLife {
  readonly versions = new Map<string, Recorded[]>()
  /** What all renditions' playlists said at the same time, whenever one of them was new. */
  readonly looks: ReadonlyMap<string, Version>[] = []
  /** By rendition and name, `source/3.m4s`. */
  readonly files = new Map<string, Fetched>()
  /** When the publisher went and when the next came, on the channel's clock. */
  leftAt = 0
  returnedAt = 0
  /** Before the publisher left, and at the end. */
  readonly multivariants: string[] = []
  /** Segments that had gone from the playlist but not for long enough, and could not be had any more. */
  readonly lost: string[] = []
  readonly #site: Site
  readonly #stream: HlsStream

  private constructor(site: Site, stream: HlsStream) {
    this.#site = site
    this.#stream = stream
  }

  static async record(): Promise<RecordedLife> {
    const [first, second] = await Promise.all([
      encodeRich(FIRST_SECONDS),
      encode({ seconds: SECOND_SECONDS, rate: 25, size: '128x72', sampleRate: 44_100 }),
    ])
    const channel = new LiveChannel()
    await using site = new Site(channel)
    const life = new RecordedLife(site, (await channel.open('s1')) as HlsStream)
    await channel.attach(first)
    channel.setRungs('90p')
    await life.#feed(FIRST_SECONDS)
    life.leftAt = channel.now
    life.multivariants.push(await site.text('index.m3u8'))
    channel.now += AWAY_MS
    await channel.attach(second)
    await life.#look()
    life.returnedAt = channel.now
    await life.#feed(SECOND_SECONDS)
    life.multivariants.push(await site.text('index.m3u8'))
    await channel.end()
    await life.#look()
    return life
  }

  of(rendition: string): readonly Recorded[] {
    return this.versions.get(rendition)!
  }

  /** Each version with the one after it. */
  pairs(rendition: string): (readonly [Recorded, Recorded])[] {
    const versions = this.of(rendition)
    return versions.slice(1).map((after, index) => [versions[index]!, after] as const)
  }

  /** Every complete segment of a rendition as it was first listed whole. */
  segmentsOf(rendition: string): SegmentLines[] {
    const found = new Map<number, SegmentLines>()
    for (const { segments } of this.of(rendition))
      for (const segment of segments)
        if (segment.uri !== undefined && !found.has(segment.sequence)) found.set(segment.sequence, segment)
    return [...found.values()]
  }

  samplesOf(rendition: string, { uri }: SegmentLines): readonly ReadSample[] {
    return readFragments(this.files.get(`${rendition}/${uri}`)!.bytes).get(1)!
  }

  /** Ticks per second of its samples. */
  timescaleOf(rendition: RenditionName, { discontinuitySequence }: SegmentLines): number {
    return (discontinuitySequence === 0 ? TIMESCALES : SECOND_TIMESCALES)[rendition]
  }

  /** Program date less media time, in milliseconds: the same all over a time line, but for the clocks' drift. */
  mappingOf(rendition: RenditionName, segment: SegmentLines): number {
    const first = Math.min(...this.samplesOf(rendition, segment).map(sample => sample.pts))
    return segment.dateTime - (first / this.timescaleOf(rendition, segment)) * 1000
  }

  async #feed(seconds: number): Promise<void> {
    for (let until = STEP_SECONDS; until <= seconds; until += STEP_SECONDS) {
      this.#site.channel.feed(until)
      await this.#look()
    }
  }

  /** Takes down what is new. */
  async #look(): Promise<void> {
    if (!this.#stream.isComplete) return
    const names = RENDITIONS.filter(name => this.#stream.findRendition(name)!.window.isReady)
    const seen = new Map<string, Version>()
    const changed: string[] = []
    for (const name of names) {
      const text = await this.#site.text(`s1/${name}/playlist.m3u8`)
      const last = this.versions.get(name)?.at(-1)
      if (last?.text !== text) changed.push(name)
      seen.set(name, last?.text === text ? last : readVersion(text))
    }
    if (changed.length > 0) this.looks.push(seen)
    for (const name of changed) await this.#take(name, seen)
  }

  async #take(name: string, others: ReadonlyMap<string, Version>): Promise<void> {
    const at = this.#site.channel.now
    const version = others.get(name)!
    const deltas = await Promise.all(
      ['YES', 'v2'].map(value => this.#site.text(`s1/${name}/playlist.m3u8?_HLS_skip=${value}`)),
    )
    const before = this.versions.get(name) ?? []
    this.versions.set(name, [...before, { ...version, at, deltas, others }])
    const uris = version.segments.flatMap(({ uri, parts }) => [
      ...parts.map(part => /URI="(.*?)"/.exec(part)![1]!),
      ...(uri ? [uri] : []),
    ])
    for (const uri of uris) await this.#fetch(`${name}/${uri}`, at)
    if (before.at(-1)?.mediaSequence !== version.mediaSequence) await this.#checkRemoved(name, at)
  }

  async #fetch(path: string, listedAt: number): Promise<void> {
    if (this.files.has(path)) return
    const response = await this.#site.fetch(`s1/${path}`)
    this.files.set(path, { listedAt, status: response.status, bytes: await response.bytes() })
  }

  /** 6.2.2: until it was first listed plus its own and the longest playlist's duration; parts three target durations. */
  async #checkRemoved(name: string, at: number): Promise<void> {
    const versions = this.versions.get(name)!
    const { mediaSequence } = versions.at(-1)!
    const removed = versions.flatMap(({ segments }) => segments).filter(each => each.sequence < mediaSequence)
    for (const segment of new Map(removed.map(each => [each.uri, each])).values()) {
      const { sequence, uri, seconds, isGap } = segment
      if (uri === undefined || isGap) continue
      const lists = versions.filter(({ segments }) => segments.some(each => each.sequence === sequence))
      const longest = Math.max(
        ...lists.map(({ segments }) => segments.reduce((sum, each) => sum + each.seconds, 0)),
      )
      const listedAt = this.files.get(`${name}/${uri}`)!.listedAt
      if (at > listedAt + (seconds + longest) * 1000) continue
      const response = await this.#site.fetch(`s1/${name}/${uri}`, { method: 'HEAD' })
      if (!response.ok) this.lost.push(`${name}/${uri} at ${at - listedAt} ms`)
    }
  }
}
