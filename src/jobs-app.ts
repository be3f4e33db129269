/** The composition root of a process that only does jobs: no port is open, nobody is served. */
import type { Config } from './config.ts'
import { openGround } from './ground.ts'
import { runJobs } from './job-handlers.ts'
import type { Log } from './log.ts'

export interface JobsApp {
  readonly config: Config
  /** Ends the jobs that run, which others take on, then closes everything. Idempotent. */
  [Symbol.asyncDispose](): Promise<void>
}

export async function createJobsApp(config: Config, log: Log): Promise<JobsApp> {
  await using opened = new AsyncDisposableStack()
  const ground = await openGround(config, log, opened)
  await runJobs(ground, config, log, opened)
  if (config.s3 === undefined)
    log.warn(
      { folder: config.dataDir },
      'jobs are done on media of this folder: every process must share it, or S3',
    )
  const owned = opened.move()
  return { config, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
