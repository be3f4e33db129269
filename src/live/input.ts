/** One publisher's hold on a stream, active or standing by; what it sends while it stands by is only looked at. */
import type { AccessUnit, Tracks } from '../../media/access-unit.ts'
import type { Publication, Publisher } from './publication.ts'

export type InputRole = 'primary' | 'backup'

/** What an input asks of its stream. */
export interface InputHost {
  /** Its tracks are known, or are others now. */
  inputStarted(input: Input): void
  /** The unit belongs to the input's tracks. */
  inputWrote(input: Input, unit: AccessUnit): void
  inputLeft(input: Input, isOrderly: boolean, cause: Error | undefined): void
}

/** A publisher that sends no picture for so long has stalled. */
const STALLED_MS = 1_500

export class Input implements Publication {
  readonly role: InputRole
  readonly publisher: Publisher
  readonly slug: string
  readonly #host: InputHost
  readonly #now: () => number
  #tracks: Tracks | undefined
  #hasLeft = false
  #steadySince: number
  #lastPictureAt: number

  /** `now`: milliseconds since the epoch. */
  constructor(options: {
    role: InputRole
    publisher: Publisher
    slug: string
    host: InputHost
    now: () => number
  }) {
    this.role = options.role
    this.publisher = options.publisher
    this.slug = options.slug
    this.#host = options.host
    this.#now = options.now
    this.#steadySince = this.#lastPictureAt = options.now()
  }

  /** Undefined until the publisher has said what it sends. */
  get tracks(): Tracks | undefined {
    return this.#tracks
  }

  /** It has sent no picture for a while, or none at all for as long. */
  get isStalled(): boolean {
    return this.#now() - this.#lastPictureAt > STALLED_MS
  }

  /** For how long pictures have come without a stall, in milliseconds. */
  get steadyMs(): number {
    return this.#tracks && !this.isStalled ? this.#now() - this.#steadySince : 0
  }

  start(tracks: Tracks): { write(unit: AccessUnit): void } {
    if (this.#hasLeft) return { write: () => {} }
    if (!this.#tracks) this.#steadySince = this.#lastPictureAt = this.#now()
    this.#tracks = tracks
    this.#host.inputStarted(this)
    return { write: unit => this.#write(tracks, unit) }
  }

  leave(end: { readonly isOrderly: boolean; readonly cause?: Error | undefined }): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    this.#host.inputLeft(this, end.isOrderly, end.cause)
  }

  #write(tracks: Tracks, unit: AccessUnit): void {
    if (this.#hasLeft || tracks !== this.#tracks) return
    if (unit.track === tracks.video) {
      if (this.isStalled) this.#steadySince = this.#now()
      this.#lastPictureAt = this.#now()
    }
    this.#host.inputWrote(this, unit)
  }
}
