/** Work that outlives the request, and the process: sent once, done by whoever is free, tried again when it fails. */
import type { JobWithMetadata, PgBoss } from 'pg-boss'
import type { Log } from '../log.ts'
import { runBounded } from './run-bounded.ts'

export interface SendOptions {
  /** While a job of this name with this key waits or runs, no other is taken. */
  readonly singletonKey?: string
  readonly startAfterSeconds?: number
  /** How often it is tried again; default 12, which takes most of an hour. */
  readonly retryLimit?: number
}

export interface WorkOptions<T> {
  /** How many this process runs at once. */
  readonly concurrency: number
  /** What takes longer is aborted, and counts as failed; at most a day. */
  readonly timeoutSeconds: number
  /** Called once, in any process, when a job has been tried as often as it may be. May itself be tried again. */
  readonly onGivenUp?: (data: T) => Promise<void>
}

/**
 * Is given what was sent. It ends soon after `signal` is aborted. It may run again for the same job, even while another
 * process that is taken for dead still runs it: doing it twice must do no harm.
 */
export type JobHandler<T> = (data: T, signal: AbortSignal) => Promise<void>

const RETRY_LIMIT = 12
const RETRY_DELAY_SECONDS = 1
const MAX_RETRY_DELAY_SECONDS = 300
/** Not heard of for so long, the process that runs a job is dead. */
const HEARTBEAT_SECONDS = 15
const HEARTBEAT_EVERY_SECONDS = 5
const DAY_SECONDS = 86_400
/** After this, what was just stored can be found. */
const STORED_MS = 500
/** Where jobs go that were tried in vain. */
const GIVEN_UP = 'given-up'
/** How long running jobs may go on when the process stops, and then may take to heed that they are aborted. */
const FINISH_MS = 1_500
const ABORT_MS = 1_000

export interface JobQueueOptions {
  /** Started; stopped by `close`. */
  readonly boss: PgBoss
  readonly runsHandlers: boolean
  /** Whoever runs jobs is woken when one comes, and looks so often for what else may be due. */
  readonly lookSeconds: number
  readonly log: Log
}

export class JobQueue implements AsyncDisposable {
  readonly #boss: PgBoss
  readonly #runsHandlers: boolean
  readonly #lookSeconds: number
  readonly #log: Log
  /** The loops that fetch jobs, as pg-boss names them, by the job's name. */
  readonly #loops = new Map<string, string[]>()
  readonly #alarms = new Set<ReturnType<typeof setTimeout>>()
  /** By name, so that each is made once. */
  readonly #queues = new Map<string, Promise<void>>()
  readonly #worked = new Map<string, WorkOptions<object>>()
  readonly #stopping = new AbortController()
  #draining: Promise<void> | undefined
  #closing: Promise<void> | undefined

  private constructor({ boss, runsHandlers, lookSeconds, log }: JobQueueOptions) {
    this.#boss = boss
    this.#runsHandlers = runsHandlers
    this.#lookSeconds = lookSeconds
    this.#log = log
  }

  static async open(options: JobQueueOptions): Promise<JobQueue> {
    const queue = new JobQueue(options)
    await options.boss.createQueue(GIVEN_UP, HABITS)
    if (options.runsHandlers) await queue.#watchGivenUp()
    return queue
  }

  /** Resolves when it is stored. False: one with its `singletonKey` waits or runs. */
  async send<T extends object>(name: string, data: T, options: SendOptions = {}): Promise<boolean> {
    if (this.#closing) throw new Error('the job queue is closed')
    await this.#ensure(name)
    const { singletonKey = crypto.randomUUID(), startAfterSeconds = 0, retryLimit = RETRY_LIMIT } = options
    const id = await this.#boss.send(name, data, { singletonKey, startAfter: startAfterSeconds, retryLimit })
    if (id !== null && startAfterSeconds > 0) this.#wakeIn(name, startAfterSeconds * 1000)
    return id !== null
  }

  /** From now on jobs of this name are run here, if this process is one that runs jobs. Once for each name. */
  async work<T extends object>(name: string, options: WorkOptions<T>, handler: JobHandler<T>): Promise<void> {
    if (!this.#runsHandlers) return
    if (this.#worked.has(name)) throw new Error(`the job ${name} has a handler already`)
    this.#worked.set(name, options as WorkOptions<object>)
    await this.#ensure(name)
    for (let i = 0; i < options.concurrency; i++)
      await this.#startLoop<T>(name, job => this.#run(job, options.timeoutSeconds, handler))
    // What was broken off by the end of a process is due again by then.
    this.#wakeIn(name, 2 * RETRY_DELAY_SECONDS * 1000)
  }

  /**
   * One job of this name at every time that `cron` tells (UTC, five fields), whichever process finds it due; not a second
   * one while one waits or runs.
   */
  async schedule(name: string, cron: string, data: object = {}): Promise<void> {
    await this.#ensure(name)
    await this.#boss.schedule(name, cron, data, { singletonKey: 'schedule' })
  }

  /** No handler runs any more: those that do may finish for a moment, and are aborted then. Sending goes on. Idempotent. */
  drain(): Promise<void> {
    this.#draining ??= this.#drain()
    return this.#draining
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #ensure(name: string): Promise<void> {
    let made = this.#queues.get(name)
    if (made === undefined) {
      made = this.#boss.createQueue(name, { ...HABITS, policy: 'exclusive', deadLetter: GIVEN_UP })
      this.#queues.set(name, made)
      made.catch(() => this.#queues.delete(name))
    }
    return made
  }

  async #run<T extends object>(
    { name, id, data, signal, retryCount, retryLimit }: JobWithMetadata<T>,
    timeoutSeconds: number,
    handler: JobHandler<T>,
  ): Promise<void> {
    const stop = AbortSignal.any([signal, this.#stopping.signal])
    try {
      await runBounded(inner => handler(data, inner), { signal: stop, timeoutMs: timeoutSeconds * 1000 })
    } catch (err) {
      const attempt = { job: name, id, attempt: retryCount + 1, of: retryLimit + 1 }
      if (stop.aborted) this.#log.info(attempt, 'a job was broken off by the stop of this process')
      else this.#log.warn({ ...attempt, err }, 'a job failed')
      if (retryCount < retryLimit) this.#wakeIn(name, RETRY_DELAY_SECONDS * 1000 * 2 ** (retryCount + 1))
      else this.#wakeIn(GIVEN_UP, 0)
      throw err
    }
  }

  /** Takes one job after the other, and waits only when there is none. */
  async #startLoop<T extends object>(
    name: string,
    run: (job: JobWithMetadata<T>) => Promise<void>,
  ): Promise<void> {
    const times = {
      pollingIntervalSeconds: this.#lookSeconds,
      notifyPollingIntervalSeconds: this.#lookSeconds,
    }
    const options = { ...WORK_OPTIONS, ...times }
    const id: string = await this.#boss.work<T, void, typeof options>(name, options, async ([job]) => {
      this.#boss.notifyWorker(id)
      if (job) await run(job)
    })
    this.#loops.set(name, [...(this.#loops.get(name) ?? []), id])
  }

  /** What is due here later, or again, is not left to the next look. */
  #wakeIn(name: string, ms: number): void {
    if (ms + STORED_MS > this.#lookSeconds * 1000 || this.#draining) return
    const alarm = setTimeout(() => {
      this.#alarms.delete(alarm)
      for (const id of this.#loops.get(name) ?? []) this.#boss.notifyWorker(id)
    }, ms + STORED_MS)
    this.#alarms.add(alarm)
  }

  async #watchGivenUp(): Promise<void> {
    await this.#startLoop(GIVEN_UP, async ({ sourceName, sourceId, data, output }) => {
      this.#log.error({ job: sourceName, id: sourceId, data, output }, 'a job was given up')
      await this.#worked.get(sourceName ?? '')?.onGivenUp?.(data)
    })
  }

  async #drain(): Promise<void> {
    for (const alarm of this.#alarms) clearTimeout(alarm)
    const ended = Promise.allSettled(
      [...this.#loops.keys()].map(name => this.#boss.offWork(name, { wait: true })),
    )
    await Promise.race([ended, Bun.sleep(FINISH_MS)])
    this.#stopping.abort(new Error('this process stops'))
    await Promise.race([ended, Bun.sleep(ABORT_MS)])
  }

  async #close(): Promise<void> {
    await this.drain()
    const stopped = this.#boss.stop({ graceful: false })
    stopped.catch(err => this.#log.warn({ err }, 'the job queue did not stop as it should'))
    await Promise.race([stopped.catch(() => {}), Bun.sleep(ABORT_MS)])
  }
}

/** Of every queue. */
const HABITS = {
  notify: true,
  retryDelay: RETRY_DELAY_SECONDS,
  retryBackoff: true,
  retryDelayMax: MAX_RETRY_DELAY_SECONDS,
  heartbeatSeconds: HEARTBEAT_SECONDS,
  // Handlers have a limit of their own.
  expireInSeconds: DAY_SECONDS,
  deleteAfterSeconds: DAY_SECONDS,
  retryLimit: RETRY_LIMIT,
}

const WORK_OPTIONS = {
  includeMetadata: true,
  heartbeatRefreshSeconds: HEARTBEAT_EVERY_SECONDS,
} as const
