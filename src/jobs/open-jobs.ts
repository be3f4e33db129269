/** Hides on which database the jobs wait: pg-boss beside the embedded one, or on PostgreSQL by connections of its own. */
import type { PGlite } from '@electric-sql/pglite'
import { PgBoss } from 'pg-boss'
import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import type { Log } from '../log.ts'
import { connectToPglite } from './pglite-connection.ts'
import { JobQueue } from './queue.ts'

export interface OpenJobsOptions {
  readonly database: Database
  /** Handlers are run only with `jobs`; sending works always. */
  readonly roles: Config['roles']
  readonly log: Log
}

const MAX_CONNECTIONS = 4
const QUERY_TIMEOUT_MS = 30_000
/** How often jobs are looked for that are due later, or again: that costs the embedded database ten times the work. */
const LOOK_SECONDS = { postgres: 10, pglite: 30 }
/** How often jobs of dead processes are looked for. The embedded database knows of none but those before it. */
const SUPERVISE_SECONDS = { postgres: 10, pglite: 60 }
/** How often schedules are looked at. */
const CRON_SECONDS = 30
/** What is done once an hour is not worth more looks. */
const SELDOM_SECONDS = 3_600
const REPORT_EVERY_MS = 60_000

/** Makes or migrates the tables of pg-boss (schema `pgboss`). Throws when the database refuses. */
export async function openJobs({ database, roles, log }: OpenJobsOptions): Promise<JobQueue> {
  const runsHandlers = roles.includes('jobs')
  const { backend } = database
  const lookSeconds = LOOK_SECONDS[backend.kind]
  const superviseSeconds = SUPERVISE_SECONDS[backend.kind]
  const boss = new PgBoss({
    ...(backend.kind === 'pglite'
      ? { backend: 'pglite', db: connectToPglite(backend.client) }
      : // Also a database that is there and says nothing must not hold up a process that stops.
        { connectionString: backend.url, max: MAX_CONNECTIONS, ...{ query_timeout: QUERY_TIMEOUT_MS } }),
    supervise: runsHandlers,
    schedule: runsHandlers,
    useListenNotify: runsHandlers,
    superviseIntervalSeconds: superviseSeconds,
    monitorIntervalSeconds: superviseSeconds - 1,
    maintenanceIntervalSeconds: SELDOM_SECONDS,
    queueCacheIntervalSeconds: SELDOM_SECONDS,
    bamIntervalSeconds: SELDOM_SECONDS,
    flowIntervalSeconds: SELDOM_SECONDS,
    cronMonitorIntervalSeconds: CRON_SECONDS,
    cronWorkerIntervalSeconds: lookSeconds,
    monitorVacuum: false,
  })
  reportTo(log, boss)
  try {
    await boss.start()
    if (backend.kind === 'pglite') await releaseOrphans(boss, backend.client)
  } catch (cause) {
    await boss.stop({ graceful: false }).catch(() => {})
    throw new Error(`The job queue could not be opened: ${(cause as Error).message}`, { cause })
  }
  return JobQueue.open({ boss, runsHandlers, lookSeconds, log })
}

/** Whoever ran a job on the embedded database before is gone: it is tried again without a wait for signs of life. */
async function releaseOrphans(boss: PgBoss, client: PGlite): Promise<void> {
  const active = await client.query<{ name: string; ids: string[] }>(
    "select name, array_agg(id) as ids from pgboss.job where state = 'active' group by name",
  )
  for (const { name, ids } of active.rows) await boss.fail(name, ids, { message: 'its process ended' })
}

/** A database that is away is reported by every look for jobs, so that not every report is worth a line. */
function reportTo(log: Log, boss: PgBoss): void {
  let reportedAt = Number.NEGATIVE_INFINITY
  boss.on('error', err => {
    if (performance.now() - reportedAt < REPORT_EVERY_MS) return
    reportedAt = performance.now()
    log.warn({ err }, 'the job queue has trouble with its database; it goes on by itself')
  })
  boss.on('warning', warning => log.debug({ warning }, 'the job queue warns'))
}
