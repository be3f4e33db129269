/** The live session: who is publishing now, and what each stream's viewers hold on to. Knows no protocol. */
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { StreamsService } from '../streams/service.ts'
import type { ChannelRules } from './channel-rules.ts'
import { alreadyLive } from './input-switch.ts'
import { LiveStream, type OpenLadder } from './live-stream.ts'
import type { OpenOutput } from './output.ts'
import type { Publication, Publisher, PublishRequest } from './publication.ts'
import { type Refusal, Refusals } from './refusals.ts'

/** The channel that a stream key opens. */
export interface AuthorizedChannel {
  readonly id: string
  readonly slug: string
  readonly rules: ChannelRules
}

export interface LiveOptions {
  /** The channel of a stream key; throws `AppError` FORBIDDEN `stream_key_invalid`. */
  readonly authorize: (streamKey: string) => Promise<AuthorizedChannel>
  readonly streams: Pick<StreamsService, 'open' | 'goLive' | 'reconnect' | 'end'>
  readonly outputs: readonly OpenOutput[]
  readonly openLadder?: OpenLadder
  /** How long a dropped publisher may return to the same stream; 0: not at all. */
  readonly reconnectGraceMs?: number
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/** What a stream that is just ending may take before its channel's next publisher is refused. */
const ENDING_TIMEOUT_MS = 5_000

export class Live {
  readonly #options: LiveOptions
  /** By channel id; a channel is taken from the moment its key was accepted. */
  readonly #channels = new Map<string, LiveStream | Promise<LiveStream>>()
  readonly #refusals = new Refusals()
  #isClosed = false

  constructor(options: LiveOptions) {
    this.#options = options
  }

  /**
   * Accepts a publisher: checks its key, finds the stream it belongs to or opens one, record and outputs. Media may
   * follow. Throws `AppError` FORBIDDEN (`stream_key_invalid`, `stream_key_of_other_channel`) or CONFLICT
   * (`channel_already_live`, `server_closing`).
   */
  async publish(request: PublishRequest, publisher: Publisher): Promise<Publication> {
    const channel = await this.#options.authorize(request.streamKey)
    // Before anything of the key's own channel is touched.
    if (request.slug !== undefined && request.slug !== channel.slug)
      throw new AppError('FORBIDDEN', 'stream_key_of_other_channel', 'This stream key is another channel’s.')
    const role = request.isBackup ? 'backup' : 'primary'
    const join = (stream: LiveStream) => stream.join(publisher, role, channel.rules)
    for (;;) {
      if (this.#isClosed) throw closing()
      const known = this.#channels.get(channel.id)
      if (!known) return this.#openFor(channel, join)
      const stream = await known
      if (!stream.isEnding) return join(stream)
      await settled(stream.closed, ENDING_TIMEOUT_MS)
      if (this.#channels.get(channel.id) === stream) throw alreadyLive()
    }
  }

  /** The running stream of a channel, or undefined. */
  find(slug: string): LiveStream | undefined {
    return this.list().find(stream => stream.identity.slug === slug)
  }

  /** Why a publisher of the channel was thrown out last, for an hour. */
  lastRefusal(channelId: string): Refusal | undefined {
    return this.#refusals.find(channelId, this.#now())
  }

  /** Every running stream. */
  list(): LiveStream[] {
    return [...this.#channels.values()].filter(entry => entry instanceof LiveStream)
  }

  /** Who watches each running stream. Costs by the number of viewers. */
  audiences(): { channelId: string; viewerKeys: Set<string> }[] {
    return this.list().map(stream => ({
      channelId: stream.identity.channelId,
      viewerKeys: stream.viewerKeys(),
    }))
  }

  /** Ends a stream and disconnects its publishers. Nothing happens when it is not running here. */
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

  /** Who opens the stream is also the first to join it. */
  async #openFor(
    channel: AuthorizedChannel,
    join: (stream: LiveStream) => Publication,
  ): Promise<Publication> {
    const opening = this.#open(channel).then(stream => ({ stream, publication: join(stream) }))
    // Its failure is told to whom it concerns by `opening`.
    const entry = opening.then(({ stream }) => stream)
    entry.catch(() => {})
    this.#channels.set(channel.id, entry)
    try {
      const { stream, publication } = await opening
      this.#channels.set(channel.id, stream)
      stream.closed.then(() => this.#channels.delete(channel.id))
      return publication
    } catch (error) {
      this.#channels.delete(channel.id)
      throw error
    }
  }

  #now(): number {
    return (this.#options.now ?? Date.now)()
  }

  async #open(channel: AuthorizedChannel): Promise<LiveStream> {
    const { streams, outputs, openLadder, reconnectGraceMs = 0, log } = this.#options
    const record = await streams.open(channel.id)
    const stream = await LiveStream.open({
      identity: { id: record.id, channelId: channel.id, slug: channel.slug },
      rules: channel.rules,
      records: streams,
      outputs,
      openLadder,
      reconnectGraceMs,
      onRefused: reason => this.#refusals.record(channel.id, reason, this.#now()),
      log: log.child({ streamId: record.id, slug: channel.slug }),
      now: () => this.#now(),
    })
    if (!this.#isClosed) return stream
    await stream.end()
    throw closing()
  }
}

async function settled(promise: Promise<unknown>, timeoutMs: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, timeoutMs)
  await Promise.race([promise, late])
  clearTimeout(timer)
}

function closing(): AppError {
  return new AppError('CONFLICT', 'server_closing', 'The server is shutting down.')
}
