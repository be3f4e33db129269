/** Hides how rows of stored segments get into the database: as many at once as have come, again until they are there. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log.ts'
import type { Manifest, VodInit, VodSegment } from '../vod/manifest.ts'

const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 10_000

interface Waiting {
  readonly row: VodSegment
  readonly resolve: () => void
}

export class ManifestWriter {
  readonly #manifest: Pick<Manifest, 'addInit' | 'addSegments'>
  readonly #log: Log
  readonly #closing = new AbortController()
  #queue: Waiting[] = []
  #isWorking = false

  constructor(options: { manifest: Pick<Manifest, 'addInit' | 'addSegments'>; log: Log }) {
    this.#manifest = options.manifest
    this.#log = options.log
  }

  /** Resolves when it is in the database; never when this is closed first. */
  async addInit(vodId: string, init: Omit<VodInit, 'vodId'>): Promise<void> {
    await this.insist(() => this.#manifest.addInit(vodId, init))
  }

  /** Resolves when it is in the database; never when this is closed first. */
  add(row: VodSegment): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#queue.push({ row, resolve })
    if (!this.#isWorking) void this.#work()
    return promise
  }

  /** Whoever waits does so for ever. Idempotent. */
  close(): void {
    this.#closing.abort()
    this.#queue = []
  }

  async #work(): Promise<void> {
    this.#isWorking = true
    while (this.#queue.length > 0) {
      const batch = this.#queue
      this.#queue = []
      await this.insist(() => this.#manifest.addSegments(batch.map(each => each.row)))
      for (const { resolve } of batch) resolve()
    }
    this.#isWorking = false
  }

  /** Does it until it succeeds; never resolves when this is closed first. */
  async insist<T>(write: () => Promise<T>): Promise<T> {
    const { signal } = this.#closing
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        return await write()
      } catch (err) {
        if (failures === 0)
          this.#log.warn({ err }, 'what is recorded cannot be written into the database now')
        const pauseMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10))
        await sleep(pauseMs, undefined, { signal }).catch(() => {})
      }
    }
    // Whoever waits is going away too.
    return new Promise(() => {})
  }
}
