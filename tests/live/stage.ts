/** A live session whose records and outputs are kept to be looked at, on a clock that stands until it is moved. */
import type { AccessUnit, Tracks } from '../../media/access-unit.ts'
import { AppError } from '../../src/errors.ts'
import type { Broadcast, Sink } from '../../src/live/broadcast.ts'
import { type ChannelRules, DEFAULT_RULES } from '../../src/live/channel-rules.ts'
import { Live } from '../../src/live/live.ts'
import type { LiveStream } from '../../src/live/live-stream.ts'
import type { OpenOutput, Output, StreamIdentity } from '../../src/live/output.ts'
import type { Publication, Publisher } from '../../src/live/publication.ts'
import { createLog } from '../../src/log.ts'
import { audio, video, videoUnit } from './tracks.ts'

const log = createLog('silent')
export const tracks: Tracks = { video, audio }

export class FakeOutput implements Output {
  readonly identity: StreamIdentity
  readonly events: string[] = []
  readonly units: AccessUnit[] = []
  viewerCount = 3
  /** One of them has another session in every other output. */
  readonly #keys = ['the same browser', crypto.randomUUID(), crypto.randomUUID()]
  /** Until then its sinks stay half closed. */
  sinkClosing: Promise<void> = Promise.resolve()
  attachFailure: Error | undefined

  constructor(identity: StreamIdentity) {
    this.identity = identity
  }

  viewerKeys(): string[] {
    return this.#keys
  }

  attach(_broadcast: Broadcast): Sink {
    if (this.attachFailure) throw this.attachFailure
    this.events.push('attach')
    let isClosed = false
    return {
      write: unit => {
        this.units.push(unit)
      },
      close: async () => {
        if (!isClosed) this.events.push('sink closed')
        isClosed = true
        await this.sinkClosing
      },
    }
  }

  async close(): Promise<void> {
    this.events.push('closed')
  }
}

/** An encoder that sends what the test says; told to go, it leaves as a dropped connection does. */
export class FakePublisher implements Publisher {
  readonly remoteAddress = '127.0.0.1'
  readonly reasons: AppError[] = []
  readonly warnings: string[] = []
  keyFramesAsked = 0
  publication: Publication | undefined
  #writer: { write(unit: AccessUnit): void } | undefined

  disconnect(reason: AppError): void {
    this.reasons.push(reason)
    this.drop()
  }

  warn(message: string): void {
    this.warnings.push(message)
  }

  requestKeyFrame(): void {
    this.keyFramesAsked++
  }

  start(of: Tracks = tracks): void {
    this.#writer = this.publication!.start(of)
  }

  /** A picture at `ms` of its own time line. */
  picture(ms: number, isKey = false): void {
    if (!this.#writer) this.start()
    this.#writer!.write(videoUnit(ms, { isKey }))
  }

  key(ms: number): void {
    this.picture(ms, true)
  }

  /** The connection is gone without a word. */
  drop(): void {
    this.publication?.leave({ isOrderly: false })
  }

  /** The streamer pressed Stop. */
  stop(): void {
    this.publication?.leave({ isOrderly: true })
  }
}

/** Keys `key-ada` and `key-bob`. */
export class Stage {
  readonly outputs: FakeOutput[] = []
  readonly records: string[] = []
  /** What opening the second output waits for. */
  opening: Promise<void> = Promise.resolve()
  endFailure: Error | undefined
  rules: ChannelRules = DEFAULT_RULES
  nowMs = 1_000_000
  readonly live: Live
  #opened = 0

  constructor(options: { reconnectGraceMs?: number } = {}) {
    const openOutput: OpenOutput = async identity => {
      const output = new FakeOutput(identity)
      this.outputs.push(output)
      return output
    }
    const openSlowly: OpenOutput = async identity => {
      await this.opening
      return openOutput(identity)
    }
    this.live = new Live({
      authorize: async key => {
        const slug = /^key-(\w+)$/.exec(key)?.[1]
        if (!slug) throw new AppError('FORBIDDEN', 'stream_key_invalid', 'The stream key is wrong.')
        return { id: `channel-${slug}`, slug, rules: this.rules }
      },
      streams: {
        open: async channelId => {
          const id = `stream-${++this.#opened}`
          this.records.push(`open ${id} of ${channelId}`)
          return { id }
        },
        goLive: async id => {
          this.records.push(`live ${id}`)
        },
        reconnect: async id => {
          this.records.push(`reconnecting ${id}`)
        },
        end: async id => {
          this.records.push(`end ${id}`)
          if (this.endFailure) throw this.endFailure
        },
      },
      outputs: [openOutput, openSlowly],
      now: () => this.nowMs,
      log,
      ...options,
    })
  }

  /** A publisher that was accepted. */
  async publish(key = 'key-ada', isBackup = false): Promise<FakePublisher> {
    const publisher = new FakePublisher()
    publisher.publication = await this.live.publish({ streamKey: key, isBackup }, publisher)
    return publisher
  }

  /** The running stream. Throws when there is none. */
  stream(slug = 'ada'): LiveStream {
    const stream = this.live.find(slug)
    if (!stream) throw new Error(`${slug} has no stream`)
    return stream
  }

  /** What the viewers of the first output got: decoding times in milliseconds. */
  get seen(): number[] {
    return this.outputs[0]!.units.map(unit => unit.dts / 90)
  }
}

/** The reason of the `AppError` with which `promise` fails. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof AppError) return error.reason
    throw error
  }
  return 'accepted'
}
