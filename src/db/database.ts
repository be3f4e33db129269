/** Hides which database runs: PostgreSQL by URL, else PGlite in the data folder; both with the same schema. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { sql } from 'drizzle-orm'
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite'
import { migrate as migratePglite } from 'drizzle-orm/pglite/migrator'
import { drizzle as drizzlePostgres } from 'drizzle-orm/postgres-js'
import { migrate as migratePostgres } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import * as chatSchema from './chat-schema.ts'
import * as commentSchema from './comment-schema.ts'
import { type FolderLock, lockFolder } from './folder-lock.ts'
import * as playbackSchema from './playback-schema.ts'
import * as platformSchema from './schema.ts'
import * as vodSchema from './vod-schema.ts'

const schema = { ...platformSchema, ...chatSchema, ...vodSchema, ...commentSchema, ...playbackSchema }

export type Db = PgDatabase<PgQueryResultHKT, typeof schema>

const migrationsFolder = join(import.meta.dir, '../../drizzle')
const MAX_CONNECTIONS = 10
const CONNECT_TIMEOUT_SECONDS = 10
const IN_USE =
  'another process uses it. Only one can; several processes on one database need PostgreSQL (DATABASE_URL).'
/** Two processes that start at once migrate one after the other. */
const MIGRATION_LOCK = 7_583_942

export interface DatabaseOptions {
  /** PostgreSQL's URL; undefined: PGlite in `dataDir`/db. */
  readonly url?: string | undefined
  readonly dataDir: string
}

/** What a package that brings its own SQL is given. */
export type Backend =
  | { readonly kind: 'postgres'; readonly url: string }
  | { readonly kind: 'pglite'; readonly client: PGlite }

export class Database {
  readonly db: Db
  readonly backend: Backend
  readonly #release: () => Promise<void>
  #closing: Promise<void> | undefined

  private constructor(db: Db, backend: Backend, release: () => Promise<void>) {
    this.db = db
    this.backend = backend
    this.#release = release
  }

  get kind(): Backend['kind'] {
    return this.backend.kind
  }

  /** Connects and migrates. Throws an error that names DATABASE_URL or the folder, and never the password. */
  static async open(options: DatabaseOptions): Promise<Database> {
    return options.url === undefined
      ? Database.#openPglite(options.dataDir)
      : Database.#openPostgres(options.url)
  }

  /** Throws when the database does not answer. */
  async ping(): Promise<void> {
    await this.db.execute(sql`select 1`)
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#release()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  static async #openPglite(dataDir: string): Promise<Database> {
    const folder = join(dataDir, 'db')
    let lock: FolderLock | undefined
    let client: PGlite | undefined
    try {
      await mkdir(folder, { recursive: true })
      lock = lockFolder(join(dataDir, 'db.lock'))
      // Each would write over what the other has written.
      if (lock === undefined) throw new Error(IN_USE)
      client = await PGlite.create(folder)
      const db = drizzlePglite(client, { schema })
      await migratePglite(db, { migrationsFolder })
      const opened = { client, lock }
      return new Database(db, { kind: 'pglite', client }, async () => {
        await opened.client.close()
        opened.lock.release()
      })
    } catch (cause) {
      await client?.close().catch(() => {})
      lock?.release()
      const problem = `The embedded database in ${folder} could not be opened (DATA_DIR says where): ${say(cause)}`
      throw new Error(problem, { cause })
    }
  }

  static async #openPostgres(url: string): Promise<Database> {
    const client = postgres(url, {
      max: MAX_CONNECTIONS,
      connect_timeout: CONNECT_TIMEOUT_SECONDS,
      onnotice() {},
    })
    try {
      await migrateAlone(client, url)
      return new Database(drizzlePostgres(client, { schema }), { kind: 'postgres', url }, () =>
        client.end({ timeout: 5 }),
      )
    } catch (cause) {
      await client.end({ timeout: 0 }).catch(() => {})
      throw new Error(
        `PostgreSQL at ${withoutPassword(url)} could not be opened (see DATABASE_URL): ${say(cause)}`,
        {
          cause,
        },
      )
    }
  }
}

export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  return Database.open(options)
}

/** Migrates on one connection of its own, under a lock that other processes wait for. */
async function migrateAlone(pool: postgres.Sql, url: string): Promise<void> {
  await pool`select 1`
  const client = postgres(url, { max: 1, connect_timeout: CONNECT_TIMEOUT_SECONDS, onnotice() {} })
  try {
    await client`select pg_advisory_lock(${MIGRATION_LOCK})`
    await migratePostgres(drizzlePostgres(client), { migrationsFolder })
  } finally {
    await client.end({ timeout: 5 })
  }
}

function withoutPassword(url: string): string {
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}

function say(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { code?: unknown }
  return error.message || (typeof code === 'string' ? code : error.name)
}
