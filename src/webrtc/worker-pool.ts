/** Hides mediasoup's worker processes: one per core, each with its own port, replaced when it dies. */
import { existsSync } from 'node:fs'
import * as mediasoup from 'mediasoup'
import type { WebRtcServer, Worker } from 'mediasoup/types'
import type { Log } from '../log.ts'

export interface WorkerPoolOptions {
  readonly count: number
  /** Address to listen on; `0.0.0.0` for all. */
  readonly host: string
  /** UDP and TCP port of the first worker; each further one takes the next. */
  readonly port: number
  readonly log: Log
}

/** A running worker and the one port over which all its viewers and publishers come. */
export interface MediaWorker {
  readonly worker: Worker
  readonly webRtcServer: WebRtcServer
  /** Its load: whoever puts a viewer or a publisher onto it counts it here, and takes it off again. */
  sessions: number
}

const RESTART_MIN_MS = 50
const RESTART_MAX_MS = 5_000
const ACQUIRE_TIMEOUT_MS = 5_000
/** What a worker gets to end by itself. */
const END_TIMEOUT_MS = 2_000

export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #slots: (MediaWorker | undefined)[] = []
  readonly #waiting = new Set<() => void>()
  #next = 0
  #isClosed = false

  private constructor(options: WorkerPoolOptions) {
    this.#options = options
  }

  /** Throws an error that names WEBRTC_PORT when a port is taken, and one that names the worker when it cannot run. */
  static async open(options: WorkerPoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(options)
    try {
      for (let index = 0; index < options.count; index++) await pool.#fill(index)
    } catch (error) {
      await pool.close()
      throw error
    }
    return pool
  }

  /** Process ids of the running workers. */
  get pids(): number[] {
    return this.#slots.flatMap(slot => (slot ? [slot.worker.pid] : []))
  }

  /** The running worker with the fewest sessions, of equals in turn; waits for one that is being restarted, at most 5 s. */
  async acquire(): Promise<MediaWorker> {
    const deadline = performance.now() + ACQUIRE_TIMEOUT_MS
    while (!this.#isClosed) {
      const start = this.#next++
      const [leastLoaded] = this.#slots
        .map((_, index) => this.#slots[(start + index) % this.#slots.length])
        .filter(slot => slot !== undefined)
        .sort((a, b) => a.sessions - b.sessions)
      if (leastLoaded) return leastLoaded
      await this.#restarted(deadline - performance.now())
    }
    throw new Error('the WebRTC workers are closed')
  }

  /** Closes the workers, routers and everything below with them; resolves when their processes are gone. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const wake of this.#waiting) wake()
    await Promise.all(this.#slots.flatMap(slot => (slot ? [end(slot.worker)] : [])))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #fill(index: number): Promise<void> {
    const worker = await createWorker()
    try {
      const webRtcServer = await this.#listen(worker, this.#options.port + index)
      this.#slots[index] = { worker, webRtcServer, sessions: 0 }
    } catch (error) {
      await end(worker)
      throw error
    }
    worker.on('died', error => {
      this.#slots[index] = undefined
      this.#options.log.error({ err: error, worker: index }, 'a WebRTC worker died and is restarted')
      void this.#refill(index)
    })
    if (this.#isClosed) await end(worker)
    for (const wake of this.#waiting) wake()
  }

  async #refill(index: number): Promise<void> {
    for (let delay = RESTART_MIN_MS; !this.#isClosed; delay = Math.min(delay * 2, RESTART_MAX_MS)) {
      try {
        return await this.#fill(index)
      } catch (error) {
        this.#options.log.error({ err: error, worker: index }, 'a WebRTC worker could not be restarted')
        await Bun.sleep(delay)
      }
    }
  }

  async #listen(worker: Worker, port: number): Promise<WebRtcServer> {
    const ip = this.#options.host
    try {
      return await worker.createWebRtcServer({
        listenInfos: [
          { protocol: 'udp', ip, port },
          { protocol: 'tcp', ip, port },
        ],
      })
    } catch (cause) {
      throw new Error(
        `The WebRTC port ${port} (UDP and TCP) on ${ip} cannot be used: ${(cause as Error).message}. ` +
          'Set WEBRTC_PORT to a free one; each worker takes the next (WEBRTC_WORKERS).',
        { cause },
      )
    }
  }

  async #restarted(timeoutMs: number): Promise<void> {
    if (timeoutMs <= 0) throw new Error('no WebRTC worker came back in time')
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, timeoutMs)
    this.#waiting.add(resolve)
    await promise
    this.#waiting.delete(resolve)
    clearTimeout(timer)
  }
}

/** Resolves when the worker's process is gone, and with it its port is free. */
async function end(worker: Worker): Promise<void> {
  if (worker.subprocessClosed) return
  const { promise, resolve } = Promise.withResolvers<void>()
  worker.once('subprocessclose', resolve)
  const timer = setTimeout(() => process.kill(worker.pid, 'SIGKILL'), END_TIMEOUT_MS)
  worker.close()
  await promise
  clearTimeout(timer)
}

/** mediasoup reports a missing program by an event that nobody can catch, so it is looked for first. */
async function createWorker(): Promise<Worker> {
  if (!existsSync(mediasoup.workerBin))
    throw new Error(
      `The WebRTC worker is missing: ${mediasoup.workerBin}. \`make start\` installs it; MEDIASOUP_WORKER_BIN points to it.`,
    )
  return mediasoup.createWorker({ logLevel: 'warn' })
}
