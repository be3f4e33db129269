/** Hides how segments get from the spool into the object store: some at a time, again and again until they are there. */
import { access } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log.ts'
import type { ObjectStore } from '../storage/object-store.ts'

const CONCURRENCY = 4
const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 15_000

export interface SegmentUpload {
  readonly key: string
  /** The file in the spool. */
  readonly path: string
  /** SHA-256 in hex. */
  readonly checksum: string
}

/** `lost`: its file is gone. */
export type Outcome = 'stored' | 'lost'

interface Waiting extends SegmentUpload {
  readonly settle: (outcome: Outcome) => void
}

/**
 * A queue of names alone, since the media lies on disk: as long as the store is away it grows with the spool. One that
 * fails goes to the end, so that it never holds up the others; while all fail, each lane tries one every 15 s.
 */
export class SegmentUploads {
  readonly #store: Pick<ObjectStore, 'put'>
  readonly #log: Log
  readonly #queue: Waiting[] = []
  readonly #closing = new AbortController()
  #lanes = 0
  #failures = 0

  constructor(options: { store: Pick<ObjectStore, 'put'>; log: Log }) {
    this.#store = options.store
    this.#log = options.log
  }

  /** Segments that are not stored yet. */
  get size(): number {
    return this.#queue.length + this.#lanes
  }

  /** The store has not answered since the last success. */
  get isFailing(): boolean {
    return this.#failures > 0
  }

  /** Resolves when it is stored or lost; never when this is closed first: the spool keeps it. */
  add(upload: SegmentUpload): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    this.#queue.push({ ...upload, settle: resolve })
    if (this.#lanes < CONCURRENCY) void this.#work()
    return promise
  }

  /** What is not stored stays in the spool. Idempotent. */
  close(): void {
    this.#closing.abort()
    this.#queue.length = 0
  }

  async #work(): Promise<void> {
    this.#lanes++
    for (let next = this.#queue.shift(); next && !this.#closing.signal.aborted; next = this.#queue.shift()) {
      if (await this.#put(next)) continue
      this.#queue.push(next)
      const pauseMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10))
      await sleep(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => {})
    }
    this.#lanes--
  }

  /** False: another time. */
  async #put({ key, path, checksum, settle }: Waiting): Promise<boolean> {
    try {
      await this.#store.put(key, { path }, { checksum, contentType: 'video/mp4' })
    } catch (err) {
      if (!(await exists(path))) {
        this.#log.error({ err, key }, 'a segment is gone from the spool')
        settle('lost')
        return true
      }
      if (this.#failures++ === 0)
        this.#log.warn({ err, key }, 'segments cannot be stored now; they wait on disk')
      return false
    }
    if (this.#failures > 0) this.#log.info({ waiting: this.#queue.length }, 'segments can be stored again')
    this.#failures = 0
    settle('stored')
    return true
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
