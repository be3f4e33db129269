/** What HLS viewers of one stream hold on to: its renditions and their count. */
import type { AudioTrack } from '../../media/access-unit.ts'
import type { RenditionReport } from '../../media/hls/playlist.ts'
import type { Broadcast, Sink } from '../live/broadcast.ts'
import type { Output, StreamIdentity } from '../live/output.ts'
import type { StreamArchive } from './archive.ts'
import { type NamedSound, Packager, SOURCE } from './packager.ts'
import type { PlanPosition } from './plan.ts'
import { Rendition, type RenditionKind } from './rendition.ts'
import { type RetentionLimits, retain } from './retention.ts'
import { Viewers } from './viewers.ts'

export interface HlsLimits extends RetentionLimits {
  /** Requests of one rendition that may wait at once. */
  readonly maxHeldRequests: number
  /** How long an ended stream stays readable, so that players finish. */
  readonly lingerMs: number
}

/** Part of URIs. */
const NAME = /^[a-z0-9_-]{1,32}$/
const MAX_RENDITIONS = 24
/** The default sound's rendition; others have their number behind it. */
const SOUND = 'audio'

export class HlsStream implements Output {
  readonly identity: StreamIdentity
  readonly viewers: Viewers
  readonly #limits: HlsLimits
  readonly #maxBytes: () => number
  readonly #archive: StreamArchive | undefined
  readonly #onEnd: () => void
  readonly #source: Rendition
  /** By name, in the order of their coming. */
  readonly #renditions = new Map<string, Rendition>()
  #broadcast: Broadcast | undefined
  #packager: Packager | undefined
  #sounds: readonly NamedSound[] = []
  #isEnded = false
  /** Rises with each change of any playlist. */
  #version = 0

  /**
   * `maxBytes`: what the stream may keep now, not above its limit. `onEnd`: called once, when the last part is in the
   * playlists. `now`: milliseconds since the epoch. `archive`: where it is recorded.
   */
  constructor(options: {
    identity: StreamIdentity
    limits: HlsLimits
    maxBytes?: () => number
    now: () => number
    onEnd: () => void
    archive?: StreamArchive | undefined
  }) {
    const { identity, limits, now, onEnd } = options
    this.identity = identity
    this.viewers = new Viewers(now)
    this.#limits = limits
    this.#maxBytes = options.maxBytes ?? (() => limits.maxBytes)
    this.#onEnd = onEnd
    this.#archive = options.archive
    this.#source = this.#add(SOURCE, 'source')
  }

  /** The publisher's own picture, which always exists. */
  get source(): Rendition {
    return this.#source
  }

  /** The source first. */
  get renditions(): readonly Rendition[] {
    return [...this.#renditions.values()]
  }

  /** What a player that comes now may choose from. */
  get offered(): readonly Rendition[] {
    const isHeard = (name: string) => this.#sounds.some(sound => sound.name === name)
    return this.renditions.filter(({ name, kind, window }) => {
      if (kind === 'source' || !window.isReady) return window.isReady
      return window.isFed && (kind === 'rung' || isHeard(name))
    })
  }

  findRendition(name: string): Rendition | undefined {
    return this.#renditions.get(name)
  }

  /** A player that comes now finds all that the broadcast will give, or has waited a segment longer for it. */
  get isComplete(): boolean {
    if (!this.#source.window.isReady) return false
    const rungs = this.#broadcast?.rungs.map(rung => rung.name) ?? []
    const isReady = (name: string) => this.#renditions.get(name)?.window.isReady ?? false
    const hasWaited =
      this.#source.window.lastPart.sequence > this.#source.window.segments.oldest!.segment.sequence + 1
    return hasWaited || [...this.#sounds.map(sound => sound.name), ...rungs].every(isReady)
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  get viewerCount(): number {
    return this.viewers.count
  }

  viewerKeys(): Iterable<string> {
    return this.viewers.keys()
  }

  attach(broadcast: Broadcast): Sink {
    void this.#packager?.close()
    const position = this.#nextPosition()
    this.#broadcast = broadcast
    this.#sounds = soundsOf(broadcast.aac ?? broadcast.tracks.audio, broadcast.alternateAac)
    // Who listens to a sound that is gone hears the default one instead, or nothing: players cannot do without.
    const main = this.#sounds[0]
    const missing = this.renditions.flatMap(({ name, window: { track, isReady } }) => {
      const isMissing = isReady && track?.kind === 'audio' && !this.#sounds.some(sound => sound.name === name)
      return isMissing ? [{ name, track }] : []
    })
    this.#packager = new Packager({
      picture: broadcast.tracks.video,
      sounds: [...this.#sounds, ...(main ? missing.map(({ name }) => ({ name, track: main.track })) : [])],
      silent: main ? [] : missing,
      clock: broadcast.clock,
      consumerOf: name => this.#consumerOf(name)?.consumer,
      earlier: this.renditions.filter(each => each.window.isReady).map(each => each.name),
      timing: this.#source.window.timing,
      position,
    })
    return this.#packager
  }

  /** The playlists end at once and whoever waits is answered; the media stays readable for a while. Idempotent. */
  async close(): Promise<void> {
    if (this.#isEnded) return
    this.#isEnded = true
    await this.#packager?.close()
    this.#broadcast = this.#packager = undefined
    for (const rendition of this.renditions) rendition.end()
    this.#onEnd()
    await this.#archive?.close()
  }

  #nextPosition(): PlanPosition | undefined {
    const position = this.#packager?.position
    if (!position) return undefined
    // A packager that failed may have left a segment open.
    const sequences = this.renditions.map(({ window }) => window.nextPart.sequence + (window.open ? 1 : 0))
    return { ...position, sequence: Math.max(position.sequence, ...sequences) }
  }

  #consumerOf(name: string): Rendition | undefined {
    const known = this.#renditions.get(name)
    if (known || this.#renditions.size >= MAX_RENDITIONS || !NAME.test(name)) return known
    return this.#add(name, name === SOUND || name.startsWith(`${SOUND}-`) ? 'sound' : 'rung')
  }

  #add(name: string, kind: RenditionKind): Rendition {
    const rendition = new Rendition({
      name,
      kind,
      archive: this.#archive,
      maxHeld: this.#limits.maxHeldRequests,
      reports: asker => this.#reports(asker),
      streamVersion: () => this.#version,
      onChange: () => this.#version++,
      onSegment: () => (kind === 'source' ? this.#retain() : this.#source.recheck()),
    })
    this.#renditions.set(name, rendition)
    return rendition
  }

  #retain(): void {
    const windows = this.renditions.map(each => each.window)
    const maxBytes = Math.min(this.#limits.maxBytes, this.#maxBytes())
    retain(this.#source.window, windows, { ...this.#limits, maxBytes })
  }

  #reports(asker: Rendition): RenditionReport[] {
    const others = this.renditions.filter(each => each !== asker && each.window.isReady)
    return others.map(({ name, window }) => {
      const { sequence, index } = window.lastPart
      return { uri: `../${name}/playlist.m3u8`, lastSequence: sequence, lastPart: index }
    })
  }
}

/** The default sound first. All are of one codec, or a player that lacks the other's would refuse every variant. */
function soundsOf(main: AudioTrack | undefined, alternates: readonly AudioTrack[] = []): NamedSound[] {
  if (!main) return []
  const others = alternates.filter(track => track.codec === main.codec)
  const name = (track: AudioTrack, index: number) => `${SOUND}-${track.trackId || `x${index + 1}`}`
  return [
    { name: SOUND, track: main },
    ...others.map((track, index) => ({ name: name(track, index), track })),
  ]
}
