/** What is promised of jobs, on both databases: done once, tried again, never lost with a process. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { Database } from '../../src/db/database.ts'
import { openJobs } from '../../src/jobs/open-jobs.ts'
import type { JobQueue } from '../../src/jobs/queue.ts'
import { createLog } from '../../src/log.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { waitFor } from '../support/wait-for.ts'

const log = createLog('silent')
const WORKER = ['serve', 'jobs'] as const
const EASY = { concurrency: 1, timeoutSeconds: 60 }
const program = join(import.meta.dir, 'doomed-process.ts')

describe.each([...databaseKinds])('%s', kind => {
  let shared: TestDatabase
  beforeAll(async () => {
    shared = await openTestDatabase(kind)
  }, 60_000)
  afterAll(() => shared[Symbol.asyncDispose]())

  test('a job runs once, with what was sent, soon after it was sent', async () => {
    await using site = await openSite()
    const done: unknown[] = []
    await site.jobs.work('greet', EASY, async data => void done.push(data))
    const begun = performance.now()
    expect(await site.jobs.send('greet', { to: ['Zoë', 1, null], deep: { is: true } })).toBe(true)
    await waitFor(() => done.length === 1, { message: 'the job' })
    expect(performance.now() - begun).toBeLessThan(5_000)
    // The next one shows that the first does not come again before it.
    await site.jobs.send('greet', { last: 1 })
    await waitFor(() => done.length > 1, { message: 'the second' })
    expect(done).toEqual([{ to: ['Zoë', 1, null], deep: { is: true } }, { last: 1 }])
  }, 60_000)

  test('jobs wait for a process that runs them; one that only serves does not', async () => {
    await using site = await openSite(['serve'])
    const done: string[] = []
    await site.jobs.work<{ n: string }>('later', EASY, async ({ n }) => void done.push(`serve ${n}`))
    await site.jobs.send('later', { n: 'a' })
    await using worker = await site.another()
    await worker.work<{ n: string }>('later', EASY, async ({ n }) => void done.push(`jobs ${n}`))
    await waitFor(() => done.length === 1, { message: 'the job' })
    expect(done).toEqual(['jobs a'])
    await site.jobs.send('later', { n: 'b' })
    await waitFor(() => done.length === 2, { timeoutMs: 5_000, message: 'the other process to be woken' })
    expect(done).toEqual(['jobs a', 'jobs b'])
  }, 60_000)

  test('no more run at once than may, and as many as may', async () => {
    await using site = await openSite()
    let [running, most, done] = [0, 0, 0]
    const gate = Promise.withResolvers<void>()
    await site.jobs.work('crowd', { ...EASY, concurrency: 3 }, async () => {
      most = Math.max(most, ++running)
      await gate.promise
      running--
      done++
    })
    for (let n = 0; n < 10; n++) await site.jobs.send('crowd', { n })
    await waitFor(() => running === 3, { message: 'three at once' })
    gate.resolve()
    await waitFor(() => done === 10, { timeoutMs: 50_000, message: 'all ten' })
    expect(most).toBe(3)
  }, 60_000)

  test('of those with one key a second is not taken while the first waits or runs', async () => {
    await using site = await openSite()
    const done: number[] = []
    const gate = Promise.withResolvers<void>()
    const send = (n: number, singletonKey: string) => site.jobs.send('single', { n }, { singletonKey })
    expect([await send(1, 'a'), await send(2, 'a'), await send(3, 'b')]).toEqual([true, false, true])
    await site.jobs.work<{ n: number }>('single', { ...EASY, concurrency: 2 }, async ({ n }) => {
      done.push(n)
      await gate.promise
    })
    await waitFor(() => done.length === 2, { message: 'both keys' })
    expect(await send(4, 'a')).toBe(false)
    gate.resolve()
    await waitFor(() => send(5, 'a'), { message: 'the key to be free' })
    await waitFor(() => done.length === 3, { message: 'the last' })
    expect(done.toSorted()).toEqual([1, 3, 5])
  }, 60_000)

  test('one that fails is tried again, and then is done', async () => {
    await using site = await openSite()
    let attempts = 0
    await site.jobs.work('shaky', EASY, async () => {
      if (++attempts < 2) throw new Error('not yet')
    })
    await site.jobs.send('shaky', {})
    await waitFor(() => attempts === 2, { timeoutMs: 50_000, message: 'the second attempt' })
  }, 60_000)

  test('one that fails as often as it may is given up, and said so with what it was', async () => {
    const lines: string[] = []
    await using site = await openSite(WORKER, createLog('error', { write: line => void lines.push(line) }))
    const givenUp: unknown[] = []
    const onGivenUp = async (data: object) => void givenUp.push(data)
    await site.jobs.work('hopeless', { ...EASY, onGivenUp }, async () => {
      throw new Error('the disk is on fire')
    })
    for (const n of [1, 2]) await site.jobs.send('hopeless', { n }, { retryLimit: 0 })
    await waitFor(() => givenUp.length === 2, { timeoutMs: 50_000, message: 'both to be given up' })
    expect(givenUp).toEqual(expect.arrayContaining([{ n: 1 }, { n: 2 }]))
    expect(lines).toHaveLength(2)
    expect(lines[0]).toContain('hopeless')
    expect(lines[0]).toContain('the disk is on fire')
  }, 60_000)

  test('one that takes too long is aborted and counts as failed', async () => {
    await using site = await openSite()
    let reason: unknown
    let isGivenUp = false
    const onGivenUp = async () => {
      isGivenUp = true
    }
    await site.jobs.work('slow', { concurrency: 1, timeoutSeconds: 1, onGivenUp }, async (_, signal) => {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))).catch(
        error => {
          reason = error
          throw error
        },
      )
    })
    await site.jobs.send('slow', {}, { retryLimit: 0 })
    await waitFor(() => isGivenUp, { timeoutMs: 50_000, message: 'it to be given up' })
    expect(String(reason)).toContain('longer than 1 s')
  }, 60_000)

  test('what is to start later starts later', async () => {
    await using site = await openSite()
    let startedAt = 0
    await site.jobs.work('patient', EASY, async () => {
      startedAt = performance.now()
    })
    const sentAt = performance.now()
    await site.jobs.send('patient', {}, { startAfterSeconds: 2 })
    await waitFor(() => startedAt > 0, { timeoutMs: 50_000, message: 'the job' })
    expect(startedAt - sentAt).toBeGreaterThanOrEqual(1_900)
  }, 60_000)

  test('stopping, it lets what ends soon end, aborts the rest, and still sends', async () => {
    await using site = await openSite()
    const ends: string[] = []
    const running = new Set<string>()
    await site.jobs.work<{ ms: number }>('ending', { ...EASY, concurrency: 2 }, async ({ ms }, signal) => {
      running.add(`${ms}`)
      const { promise: aborted, reject } = Promise.withResolvers<void>()
      signal.addEventListener('abort', () => reject(signal.reason))
      const end = await Promise.race([Bun.sleep(ms).then(() => 'done'), aborted.catch(() => 'aborted')])
      ends.push(`${ms} ${end}`)
      signal.throwIfAborted()
    })
    for (const ms of [500, 3_600_000]) await site.jobs.send('ending', { ms })
    await waitFor(() => running.size === 2, { message: 'both to run' })
    const begun = performance.now()
    await site.jobs.drain()
    expect(ends).toEqual(['500 done', '3600000 aborted'])
    await site.jobs.send('ending', { ms: 1 })
    await site.jobs.close()
    await site.jobs.close()
    expect(performance.now() - begun).toBeLessThan(5_000)
    expect(running.size).toBe(2)
    await expect(site.jobs.send('ending', { ms: 2 })).rejects.toThrow()

    await using next = await site.another()
    await next.work<{ ms: number }>('ending', EASY, async ({ ms }) => void ends.push(`${ms} again`))
    await waitFor(() => ends.length === 4, { timeoutMs: 50_000, message: 'what was left' })
    expect(ends.slice(2).toSorted()).toEqual(['1 again', '3600000 again'])
  }, 60_000)

  test('the job of a process that was killed is done by another within a minute', async () => {
    await using own = await openTestDatabase(kind)
    const sender = await openJobs({ database: own.database, roles: ['serve'], log })
    await sender.send('endless', { word: 'begun' })
    await sender.close()
    // Two processes cannot share the embedded database, but follow each other on it.
    await own.database.close()
    const victim = Bun.spawn([process.execPath, program, JSON.stringify(own.options)], {
      stdout: 'pipe',
      stderr: 'inherit',
    })
    for await (const chunk of victim.stdout) {
      expect(new TextDecoder().decode(chunk)).toContain('begun')
      break
    }
    victim.kill('SIGKILL')
    await victim.exited
    const killedAt = performance.now()
    await using database = await Database.open(own.options)
    await using heir = await openJobs({ database, roles: WORKER, log })
    let word = ''
    await heir.work<{ word: string }>('endless', EASY, async data => {
      word = data.word
    })
    await waitFor(() => word, { timeoutMs: 60_000, intervalMs: 200, message: 'the job to be done' })
    expect(word).toBe('begun')
    expect(performance.now() - killedAt).toBeLessThan(50_000)
  }, 120_000)

  test('what is due by a schedule is done once, however many processes look', async () => {
    await using site = await openSite(['serve'])
    await site.jobs.schedule('hourly', '* * * * *', { from: 'schedule' })
    await site.jobs.schedule('hourly', '* * * * *', { from: 'schedule' })
    const done: unknown[] = []
    await using first = await site.another()
    await using second = await site.another()
    const others: unknown[] = []
    for (const worker of [first, second]) {
      await worker.work('hourly', EASY, async data => void done.push(data))
      await worker.work('other', EASY, async data => void others.push(data))
    }
    await waitFor(() => done.length > 0, { timeoutMs: 60_000, intervalMs: 200, message: 'the scheduled job' })
    await site.jobs.send('other', {})
    await waitFor(() => others.length === 1, { timeoutMs: 50_000, message: 'a job after it' })
    expect(done).toEqual([{ from: 'schedule' }])
  }, 120_000)

  /** A process of its own, as far as jobs are concerned, on the one database. */
  async function openSite(roles: readonly ('serve' | 'jobs')[] = WORKER, to = log) {
    const { database } = shared
    const jobs = await openJobs({ database, roles, log: to })
    return {
      jobs,
      another: (): Promise<JobQueue> => openJobs({ database, roles: WORKER, log: to }),
      [Symbol.asyncDispose]: () => jobs.close(),
    }
  }
})

test('when PostgreSQL cuts every connection, jobs go on', async () => {
  await using opened = await openTestDatabase('postgres')
  const { database } = opened
  await using jobs = await openJobs({ database, roles: WORKER, log })
  const done: number[] = []
  await jobs.work<{ n: number }>('cut', EASY, async ({ n }) => void done.push(n))
  await jobs.send('cut', { n: 1 })
  await waitFor(() => done.length === 1, { message: 'the first job' })
  await database.db.execute(
    sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'pgboss'`,
  )
  await waitFor(() => jobs.send('cut', { n: 2 }), { timeoutMs: 50_000, message: 'a job to be taken' })
  await waitFor(() => done.length === 2, { timeoutMs: 50_000, message: 'the second job' })
  expect(done).toEqual([1, 2])
}, 60_000)
