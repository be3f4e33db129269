/** One track of a stream as viewers get it: its window, its rendered playlists, and the requests that wait for it. */
import type { RenditionReport } from '../../media/hls/playlist.ts'
import { CompressedText } from '../media-response.ts'
import type { StreamArchive } from './archive.ts'
import type { Timing } from './cutter.ts'
import { Gate, type GateResult } from './gate.ts'
import { writeMediaPlaylist } from './media-playlist.ts'
import type { Part, Segment, SegmentConsumer, SegmentHeader } from './segment.ts'
import { Window } from './window.ts'

/** What a rendition is of: the publisher's picture, a picture of the ladder, or a sound. */
export type RenditionKind = 'source' | 'rung' | 'sound'

export class Rendition {
  /** Part of its URIs: `[a-z0-9_-]+`. */
  readonly name: string
  readonly kind: RenditionKind
  readonly window: Window
  /** Takes what is made of it. */
  readonly consumer: SegmentConsumer
  readonly #archive: StreamArchive | undefined
  readonly #gate: Gate
  readonly #reports: (asker: Rendition) => RenditionReport[]
  readonly #streamVersion: () => number
  #changedAt = Number.NEGATIVE_INFINITY
  #renderedVersion = -1
  #full: CompressedText | undefined
  #delta: CompressedText | undefined

  /**
   * `maxHeld`: how many requests may wait at once. `reports`: on the other renditions, for the one that asks.
   * `streamVersion`: rises with every `onChange` of any rendition. `archive`: the stream's, where it is recorded.
   */
  constructor(options: {
    name: string
    kind: RenditionKind
    maxHeld: number
    reports: (asker: Rendition) => RenditionReport[]
    streamVersion: () => number
    onChange: () => void
    onSegment: () => void
    archive: StreamArchive | undefined
  }) {
    this.name = options.name
    this.kind = options.kind
    this.#reports = options.reports
    this.#gate = new Gate(options.maxHeld)
    this.#streamVersion = options.streamVersion
    const onChange = () => {
      this.#changedAt = performance.now()
      options.onChange()
      this.#gate.check()
    }
    const { name, kind, archive, onSegment } = options
    this.#archive = archive
    this.window = new Window({
      onChange,
      onSegment,
      isHeld: sequence => archive?.holds(name, sequence) ?? false,
    })
    const archived = archive?.consumerOf(name, kind)
    this.consumer = archived ? new BothConsumers(this.window, archived) : this.window
  }

  /** Requests that wait now. */
  get heldRequests(): number {
    return this.#gate.size
  }

  /** Waits until `isReady` or the end of the stream. */
  wait(isReady: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<GateResult> {
    return this.#gate.wait(() => isReady() || this.window.isEnded, timeoutMs, signal)
  }

  /**
   * Resolves at once if the newest part has just come, else with the next one, which is due by half a part from then. A player
   * that does not catch up, as hls.js does not from so near, stays as far behind as its first playlist was old. Only when
   * the window is ready.
   */
  async untilFresh(signal: AbortSignal): Promise<void> {
    const halfMs = (this.window.timing!.partTargetSeconds * 1000) / 2
    if (performance.now() - this.#changedAt < halfMs) return
    const { sequence, index } = this.window.nextPart
    const hasCome = () => {
      const next = this.window.nextPart
      return next.sequence !== sequence || next.index !== index
    }
    await this.wait(hasCome, halfMs, signal)
  }

  /** Something that requests may wait for here has changed elsewhere. */
  recheck(): void {
    this.#gate.check()
  }

  /** The playlist of now, or its delta update where there is something to skip. */
  playlist(isDelta: boolean): CompressedText {
    // 4.4.5.4: what it reports of another rendition has to be true when it is sent.
    const version = this.#streamVersion()
    if (this.#renderedVersion !== version) {
      this.#full = this.#delta = undefined
      this.#renderedVersion = version
    }
    if (isDelta) this.#delta ??= this.#render(true)
    else this.#full ??= this.#render(false)
    return (isDelta ? this.#delta : this.#full)!
  }

  /** The bytes of a segment whose media is not in memory; undefined: there are none. */
  async readArchived(sequence: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#archive?.read(this.name, sequence)
  }

  /** No more will come: those who wait are answered. Idempotent. */
  end(): void {
    this.window.end()
  }

  #render(isDelta: boolean): CompressedText {
    return new CompressedText(writeMediaPlaylist(this.window, this.#reports(this), isDelta))
  }
}

/** Viewers first. */
class BothConsumers implements SegmentConsumer {
  readonly #consumers: readonly SegmentConsumer[]

  constructor(...consumers: readonly SegmentConsumer[]) {
    this.#consumers = consumers
  }

  fixTiming(timing: Timing): void {
    for (const consumer of this.#consumers) consumer.fixTiming(timing)
  }

  beginSegment(header: SegmentHeader): void {
    for (const consumer of this.#consumers) consumer.beginSegment(header)
  }

  addPart(part: Part): void {
    for (const consumer of this.#consumers) consumer.addPart(part)
  }

  endSegment(segment: Segment): void {
    for (const consumer of this.#consumers) consumer.endSegment(segment)
  }
}
