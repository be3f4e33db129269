/** The same schema and migrations on both databases, and failures that say what to change. */
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { Database } from '../../src/db/database.ts'
import { accounts } from '../../src/db/schema.ts'
import { createPostgresDatabase, databaseKinds, openTestDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'
import { tempFolder } from '../support/temp-folder.ts'

const alice = {
  id: Bun.randomUUIDv7(),
  username: 'alice',
  passwordHash: 'x',
  createdAt: new Date(1_700_000_000_123),
}

describe.each([...databaseKinds])('%s', kind => {
  test('keeps its rows when opened again, and times to the millisecond', async () => {
    await using opened = await openTestDatabase(kind)
    await opened.database.db.insert(accounts).values(alice)
    await opened.database.close()
    await using again = await Database.open(opened.options)
    expect(await again.db.select().from(accounts)).toEqual([alice])
    expect(again.kind).toBe(kind)
  }, 30_000)

  test('answers a ping until it is closed, and closes twice', async () => {
    await using opened = await openTestDatabase(kind)
    await opened.database.ping()
    await opened.database.close()
    await opened.database.close()
    await expect(opened.database.ping()).rejects.toThrow()
  }, 30_000)

  test('refuses a status that does not exist and a second open stream', async () => {
    await using opened = await openTestDatabase(kind)
    const { db } = opened.database
    await db.insert(accounts).values(alice)
    const channel = Bun.randomUUIDv7()
    await db.execute(
      sql`insert into channels values (${channel}, ${alice.id}, 's', 't', '', 'h', 'c', now())`,
    )
    const insert = (status: string) =>
      db.execute(sql`insert into streams values (${Bun.randomUUIDv7()}, ${channel}, 't', ${status}, now())`)
    const refusalOf = (status: string) => insert(status).then(String, error => String((error as Error).cause))
    expect(await refusalOf('paused')).toContain('streams_status')
    await insert('live')
    await insert('ended')
    expect(await refusalOf('starting')).toContain('streams_one_open_per_channel')
  }, 30_000)
})

test('two processes that start at once on one new PostgreSQL database both come up', async () => {
  const options = { url: await createPostgresDatabase(), dataDir: '/nonexistent' }
  const both = await Promise.all([Database.open(options), Database.open(options)])
  for (const database of both) {
    await database.ping()
    await database.close()
  }
}, 30_000)

test('an unreachable PostgreSQL is named together with DATABASE_URL, without its password', async () => {
  const port = await freePort()
  const url = `postgres://me:secret-word@127.0.0.1:${port}/sluice`
  const error = await Database.open({ url, dataDir: '/nonexistent' }).catch(error => error as Error)
  expect((error as Error).message).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}/sluice.*DATABASE_URL`))
  expect((error as Error).message).not.toContain('secret-word')
}, 30_000)

test('a data folder that cannot be used is named together with DATA_DIR', async () => {
  await using folder = await tempFolder()
  const file = join(folder.path, 'file')
  await Bun.write(file, 'not a folder')
  await expect(Database.open({ dataDir: file })).rejects.toThrow(/file\/db.*DATA_DIR/)
})

test('an embedded database that another process uses is left alone, until that one is gone in any way', async () => {
  await using folder = await tempFolder()
  const program = `
    const { Database } = await import(${JSON.stringify(join(import.meta.dir, '../../src/db/database.ts'))})
    await Database.open({ dataDir: ${JSON.stringify(folder.path)} })
    console.log('open')
    await new Promise(() => setInterval(() => {}, 1_000))`
  const other = Bun.spawn([process.execPath, '-e', program], { stdout: 'pipe', stderr: 'inherit' })
  for await (const _ of other.stdout) break
  await expect(Database.open({ dataDir: folder.path })).rejects.toThrow(
    /another process uses it.*DATABASE_URL/,
  )
  other.kill('SIGKILL')
  await other.exited
  await using opened = await Database.open({ dataDir: folder.path })
  await opened.ping()
}, 60_000)
