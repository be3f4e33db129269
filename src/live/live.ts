/** The live session: who is publishing now, and what each stream's viewers hold on to. Knows no protocol. */
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { StreamsService } from '../streams/service.ts'
import { LiveStream, type Publisher } from './live-stream.ts'
import type { OpenOutput } from './output.ts'

export interface LiveOptions {
  /** The channel of a stream key; throws `AppError` FORBIDDEN `stream_key_invalid`. */
  readonly authorize: (streamKey: string) => Promise<{ id: string; slug: string }>
  readonly streams: Pick<StreamsService, 'open' | 'goLive' | 'end'>
  readonly outputs: readonly OpenOutput[]
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

export class Live {
  readonly #options: LiveOptions
  /** By channel id; a channel is taken from the moment its key was accepted. */
  readonly #channels = new Map<string, LiveStream | Promise<LiveStream>>()
  #isClosed = false

  constructor(options: LiveOptions) {
    this.#options = options
  }

  /**
   * Accepts a publisher: checks its key, opens the stream record and the outputs. Media may follow.
   * Throws `AppError` FORBIDDEN (`stream_key_invalid`) or CONFLICT (`channel_already_live`, `server_closing`).
   */
  async publish(streamKey: string, publisher: Publisher): Promise<LiveStream> {
    const channel = await this.#options.authorize(streamKey)
    if (this.#isClosed) throw closing()
    if (this.#channels.has(channel.id))
      throw new AppError(
        'CONFLICT',
        'channel_already_live',
        'This channel is already live from another encoder.',
      )
    const opening = this.#open(channel, publisher)
    this.#channels.set(channel.id, opening)
    try {
      const stream = await opening
      this.#channels.set(channel.id, stream)
      stream.closed.then(() => this.#channels.delete(channel.id))
      return stream
    } catch (error) {
      this.#channels.delete(channel.id)
      throw error
    }
  }

  /** The running stream of a channel, or undefined. */
  find(slug: string): LiveStream | undefined {
    return this.list().find(stream => stream.identity.slug === slug)
  }

  /** Every running stream. */
  list(): LiveStream[] {
    return [...this.#channels.values()].filter(entry => entry instanceof LiveStream)
  }

  /** Ends a stream and disconnects its publisher. Nothing happens when it is not running here. */
  async end(streamId: string, reason: AppError): Promise<void> {
    const stream = this.list().find(each => each.identity.id === streamId)
    await stream?.end(reason)
  }

  /** Ends every stream, also those that are just opening: their `publish` throws. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    const opening = [...this.#channels.values()].filter(entry => entry instanceof Promise)
    await Promise.all(this.list().map(stream => stream.end(closing())))
    await Promise.allSettled(opening)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #open(channel: { id: string; slug: string }, publisher: Publisher): Promise<LiveStream> {
    const { streams, outputs, log, now } = this.#options
    const record = await streams.open(channel.id)
    const stream = await LiveStream.open({
      identity: { id: record.id, channelId: channel.id, slug: channel.slug },
      publisher,
      streams,
      outputs,
      log: log.child({ streamId: record.id, slug: channel.slug }),
      ...(now && { now }),
    })
    if (!this.#isClosed) return stream
    await stream.end()
    throw closing()
  }
}

function closing(): AppError {
  return new AppError('CONFLICT', 'server_closing', 'The server is shutting down.')
}
