/** Hides how the processes on one database know of each other: each says that it is alive, every few seconds. */
import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eq, lt, ne, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { instances } from '../db/schema.ts'
import type { Log } from '../log.ts'

const BEAT_MS = 5_000
/** Not seen for so long, by the database's clock, an instance is dead: `isAlive` in the repository. */
export const DEAD_AFTER_SECONDS = 15
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export interface HeartbeatOptions {
  readonly db: Db
  readonly id: string
  /** Nobody else can have this database open: what it says of others is of dead ones. */
  readonly isAlone: boolean
  readonly log: Log
  /** Default 5,000. */
  readonly beatMs?: number
}

/** `isSteady`: it has beaten for so long without a break that an instance which has not can be called dead. */
export type OnBeat = (isSteady: boolean) => Promise<void>

export class Heartbeat {
  readonly #options: HeartbeatOptions
  #timer: ReturnType<typeof setTimeout> | undefined
  #beating: Promise<void> = Promise.resolve()
  #listener: OnBeat | undefined
  /** Monotonic milliseconds; undefined: the last one failed. */
  #steadySince: number | undefined
  #isClosed = false

  private constructor(options: HeartbeatOptions) {
    this.#options = options
  }

  /** Throws when the database does not take the first beat. Later failures are logged and mend themselves. */
  static async open(options: HeartbeatOptions): Promise<Heartbeat> {
    const { db, id, isAlone } = options
    if (isAlone) await db.delete(instances).where(ne(instances.id, id))
    const heartbeat = new Heartbeat(options)
    await heartbeat.#say()
    heartbeat.#steadySince = performance.now()
    heartbeat.#schedule()
    return heartbeat
  }

  /** After each beat from now on. */
  onBeat(listener: OnBeat): void {
    this.#listener = listener
  }

  /** Takes this instance out of the list: it carries nothing any more. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#beating
    const { db, id, log } = this.#options
    try {
      await db.delete(instances).where(eq(instances.id, id))
    } catch (err) {
      log.warn({ err }, 'this instance could not say goodbye')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #schedule(): void {
    if (this.#isClosed) return
    this.#timer = setTimeout(() => {
      this.#beating = this.#beat().finally(() => this.#schedule())
    }, this.#options.beatMs ?? BEAT_MS)
  }

  async #beat(): Promise<void> {
    const begun = performance.now()
    try {
      await this.#say()
      this.#steadySince ??= begun
      // While the database was away nobody could beat: who has had no time to come back is not dead.
      await this.#listener?.(begun - this.#steadySince >= DEAD_AFTER_SECONDS * 1000)
    } catch (err) {
      this.#steadySince = undefined
      this.#options.log.warn({ err }, 'the heartbeat of this instance failed')
    }
  }

  async #say(): Promise<void> {
    const { db, id } = this.#options
    await db
      .insert(instances)
      .values({ id, seenAt: sql`now()` })
      .onConflictDoUpdate({ target: instances.id, set: { seenAt: sql`now()` } })
    await db.delete(instances).where(lt(instances.seenAt, sql`now() - interval '1 day'`))
  }
}

/** Who this instance is, also after a restart: what was generated once into `dataDir`/instance-id (mode 0600). */
export async function loadInstanceId(dataDir: string): Promise<string> {
  const path = join(dataDir, 'instance-id')
  await mkdir(dataDir, { recursive: true })
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await writeFile(draft, `${crypto.randomUUID()}\n`, { flag: 'wx', mode: 0o600 })
    // It appears whole or not at all, whoever dies meanwhile.
    await link(draft, path).catch(error => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(draft, { force: true })
  }
  const id = (await readFile(path, 'utf8')).trim()
  if (!UUID.test(id)) throw new Error(`${path} is damaged: remove it, and a new one is made.`)
  return id
}
