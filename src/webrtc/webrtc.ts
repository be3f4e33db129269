/** WebRTC playback: which stream a viewer's session belongs to. */
import { AppError } from '../errors.ts'
import type { OpenOutput } from '../live/output.ts'
import type { Log } from '../log.ts'
import type { Session } from './session.ts'
import { notLive, WebrtcOutput } from './webrtc-output.ts'
import type { WorkerPool } from './worker-pool.ts'

export class Webrtc {
  readonly #outputs = new Map<string, WebrtcOutput>()
  readonly #pool: WorkerPool
  readonly #renditions: readonly string[]
  readonly #log: Log

  /** `renditions`: names that a ladder may ever make, best first. */
  constructor(options: { pool: WorkerPool; renditions: readonly string[]; log: Log }) {
    this.#pool = options.pool
    this.#renditions = options.renditions
    this.#log = options.log
  }

  /** For the live session's list of outputs. */
  readonly openOutput: OpenOutput = async identity => {
    const output = new WebrtcOutput({
      identity,
      pool: this.#pool,
      renditions: this.#renditions,
      log: this.#log.child({ slug: identity.slug }),
    })
    this.#outputs.set(identity.slug, output)
    output.closed.then(() => {
      if (this.#outputs.get(identity.slug) === output) this.#outputs.delete(identity.slug)
    })
    return output
  }

  /** Throws `AppError` CONFLICT `channel_not_live`. */
  get(slug: string): WebrtcOutput {
    const output = this.#outputs.get(slug)
    if (!output) throw notLive()
    return output
  }

  /** Throws `AppError` NOT_FOUND `session_not_found`. */
  getSession(slug: string, id: string): Session {
    const session = this.#outputs.get(slug)?.findSession(id)
    if (session) return session
    throw new AppError('NOT_FOUND', 'session_not_found', 'This session is over. Start a new one.')
  }
}
