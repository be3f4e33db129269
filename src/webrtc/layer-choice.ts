/**
 * Chooses which layer of the picture one viewer gets. Everybody starts on the lowest, whose key frames come often, or,
 * where there is no rendition, on a start layer, which replays the source; and moves on at once: to the best rendition
 * first, since the source's next key frame may be seconds away, then to the source. Where bandwidth is estimated (offers by us), mediasoup goes lower by itself, and more bandwidth is searched for
 * while the viewer waits for a better layer; where it is not, reported loss pushes the viewer down a layer, and calm
 * lets it up again, each time later if that brought loss.
 */

/** A move shows in the receiver's reports within so long. */
const SETTLING_MS = 2_500
/** Loss so soon after a move up means that it was too early. */
const TRIAL_MS = 20_000
const FIRST_PATIENCE_MS = 6_000
const MAX_PATIENCE_MS = 240_000
/** After a step up that brought no loss. */
const NEXT_STEP_MS = 4_000
/** mediasoup leaves out a layer that it cannot join yet, or has no bandwidth for, and nothing makes it look again. */
const REMINDER_MS = 2_000

/** What a viewer is known to receive, as mediasoup tells it. */
export interface Reception {
  /** 0 to 10: how much of what was sent arrives. */
  readonly score: number
  /** Layers that carry something now, by index, lowest first. */
  readonly isActive: readonly boolean[]
}

export class LayerChoice {
  readonly #top: number
  readonly #prefer: (layer: number) => Promise<void> | void
  readonly #search: ((layer: number) => void) | undefined
  readonly #now: () => number
  #reception: Reception
  #preferred = 0
  #current: number | undefined
  /** Where a viewer without a picture gets one sooner. */
  #start: number | undefined
  #pinned: number | undefined
  /** Loss allows no more than this. */
  #ceiling: number
  #patienceMs = FIRST_PATIENCE_MS
  #movedAt = Number.NEGATIVE_INFINITY
  #raisedAt = Number.NEGATIVE_INFINITY
  #raising: ReturnType<typeof setTimeout> | undefined
  #reminder: ReturnType<typeof setTimeout> | undefined

  /**
   * `prefer` is called with the layer that the viewer should get; it starts out as the lowest. `search`, where bandwidth
   * is estimated: while the viewer waits for a better layer, again and again with the best that it may get.
   */
  constructor(options: {
    reception: Reception
    prefer: (layer: number) => Promise<void> | void
    search?: ((layer: number) => void) | undefined
    now?: () => number
  }) {
    this.#reception = options.reception
    this.#top = options.reception.isActive.length - 1
    this.#ceiling = this.#top
    this.#prefer = options.prefer
    this.#search = options.search
    this.#now = options.now ?? (() => performance.now())
  }

  /** The layer that the viewer gets now; undefined before its first picture, and while none comes. */
  get current(): number | undefined {
    return this.#current
  }

  get pinned(): number | undefined {
    return this.#pinned
  }

  /** The viewer gets `layer` whenever there is bandwidth for it, and never a better one; undefined: the best that fits. */
  pin(layer: number | undefined): void {
    this.#pinned = layer
    this.#ceiling = this.#top
    this.#aim()
  }

  /** The viewer takes this start layer, above all others, where it has no picture yet; resolves when mediasoup knows. */
  async startOn(layer: number): Promise<void> {
    if (this.#current !== undefined) return
    this.#start = this.#preferred = layer
    await this.#prefer(layer)
  }

  /** Pictures of `layer` go out now; undefined: none do. */
  shown(layer: number | undefined): void {
    if (layer !== undefined) this.#start = undefined
    this.#current = layer
    this.#aim()
  }

  received(reception: Reception): void {
    const isWorse = reception.score < this.#reception.score
    this.#reception = reception
    if (isWorse && !this.#search && this.#pinned === undefined) this.#lose()
    this.#aim()
  }

  /** Idempotent. */
  close(): void {
    clearTimeout(this.#raising)
    clearTimeout(this.#reminder)
  }

  #aim(): void {
    const wanted = Math.min(this.#pinned ?? this.#wanted(), this.#ceiling)
    if (wanted !== this.#preferred) {
      this.#preferred = wanted
      void this.#prefer(wanted)
    }
    if (this.#isStuck) this.#remindLater()
  }

  get #isStuck(): boolean {
    if (this.#current === undefined) return this.#top > 0
    return this.#current < this.#preferred || this.#current > this.#top
  }

  #remindLater(): void {
    if (this.#reminder) return
    this.#reminder = setTimeout(() => {
      this.#reminder = undefined
      if (!this.#isStuck) return
      this.#remind()
      this.#remindLater()
    }, REMINDER_MS)
    this.#reminder.unref()
  }

  #remind(): void {
    if (this.#search && this.#current !== undefined) return this.#search(this.#pinned ?? this.#top)
    // It acts on a change alone.
    const other = this.#preferred === this.#top ? 0 : this.#top
    void this.#prefer(this.#current ?? other)
    void this.#prefer(this.#preferred)
  }

  #wanted(): number {
    if (this.#current === undefined) return this.#start ?? 0
    const bestRendition = this.#activeBelow(this.#top)
    return bestRendition !== undefined && this.#current < bestRendition ? bestRendition : this.#top
  }

  #activeBelow(layer: number): number | undefined {
    const index = this.#reception.isActive.slice(0, layer).lastIndexOf(true)
    return index < 0 ? undefined : index
  }

  #lose(): void {
    const now = this.#now()
    if (this.#current === undefined || this.#current > this.#top || now - this.#movedAt < SETTLING_MS) return
    if (now - this.#raisedAt < TRIAL_MS) this.#patienceMs = Math.min(this.#patienceMs * 2, MAX_PATIENCE_MS)
    else this.#patienceMs = FIRST_PATIENCE_MS
    this.#movedAt = now
    this.#ceiling = this.#activeBelow(this.#current) ?? this.#current
    this.#raiseAfter(this.#patienceMs)
  }

  #raiseAfter(ms: number): void {
    clearTimeout(this.#raising)
    this.#raising = setTimeout(() => this.#raise(), ms)
    this.#raising.unref()
  }

  #raise(): void {
    const next = this.#reception.isActive.indexOf(true, this.#ceiling + 1)
    this.#ceiling = next < 0 ? this.#top : next
    this.#raisedAt = this.#movedAt = this.#now()
    if (this.#ceiling < this.#top) this.#raiseAfter(NEXT_STEP_MS)
    this.#aim()
  }
}
