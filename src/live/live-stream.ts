/** One running stream: the outputs its viewers hold on to, and the broadcast that feeds them now. */
import type { Tracks } from '../../media/access-unit.ts'
import type { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { StreamsService } from '../streams/service.ts'
import { Broadcast } from './broadcast.ts'
import type { OpenOutput, Output, StreamIdentity } from './output.ts'

/** The remote encoder, as its ingest shows it. */
export interface Publisher {
  readonly remoteAddress: string
  /** What the encoder calls itself, where it says. */
  readonly software?: string
  /** Tells the encoder why in its protocol's words and closes the connection. Idempotent. */
  disconnect(reason: AppError): void
}

interface LiveStreamOptions {
  readonly identity: StreamIdentity
  readonly publisher: Publisher
  readonly streams: Pick<StreamsService, 'goLive' | 'end'>
  readonly outputs: readonly OpenOutput[]
  readonly log: Log
  readonly now?: () => number
}

export class LiveStream {
  readonly identity: StreamIdentity
  readonly publisher: Publisher
  /** Resolves when the stream has ended and everything of it is released. */
  readonly closed: Promise<Error | undefined>
  readonly #options: LiveStreamOptions
  readonly #outputs: readonly Output[]
  readonly #resolveClosed: (cause: Error | undefined) => void
  #broadcast: Broadcast | undefined
  /** The broadcasts before; an ffmpeg of theirs may take a while to end. */
  #earlier: Promise<unknown> = Promise.resolve()
  #goingLive: Promise<void> | undefined
  #ending: Promise<void> | undefined

  private constructor(options: LiveStreamOptions, outputs: readonly Output[]) {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.identity = options.identity
    this.publisher = options.publisher
    this.closed = promise
    this.#resolveClosed = resolve
    this.#options = options
    this.#outputs = outputs
  }

  /** Opens every output; when one fails, closes the others, ends the record and throws. */
  static async open(options: LiveStreamOptions): Promise<LiveStream> {
    const results = await Promise.allSettled(options.outputs.map(open => open(options.identity)))
    const outputs = results.filter(result => result.status === 'fulfilled').map(result => result.value)
    const failure = results.find(result => result.status === 'rejected')
    const stream = new LiveStream(options, outputs)
    if (failure) {
      await stream.end()
      throw failure.reason
    }
    return stream
  }

  get broadcast(): Broadcast | undefined {
    return this.#broadcast
  }

  get isEnding(): boolean {
    return this.#ending !== undefined
  }

  /** Viewers over every output. */
  get viewerCount(): number {
    return this.#outputs.reduce((sum, output) => sum + output.viewerCount, 0)
  }

  /**
   * The publisher's tracks are known: its media flows into every output from here on. Called again when its tracks
   * change, which closes the broadcast before. Once the stream is ending, the broadcast is a closed one.
   */
  start(tracks: Tracks): Broadcast {
    this.#earlier = Promise.all([this.#earlier, this.#broadcast?.close()])
    const { log, now } = this.#options
    const broadcast = new Broadcast({
      tracks,
      log,
      onFirstKeyUnit: () => this.#goLive(),
      ...(now && { now }),
    })
    if (this.#ending) {
      broadcast.close()
      return broadcast
    }
    // Known first, so that what was attached is closed with the stream when a later output cannot attach.
    this.#broadcast = broadcast
    for (const output of this.#outputs) broadcast.addSink(output.attach(broadcast))
    return broadcast
  }

  /** The publisher is gone. The stream ends with it; a grace period for its return belongs here. */
  publisherLeft(cause?: Error): Promise<void> {
    this.#options.log.info({ reason: cause?.message }, 'publisher left')
    return this.end()
  }

  /** Ends the stream for good: record, outputs, viewers, and the publisher when there is a `reason`. Idempotent. */
  end(reason?: AppError): Promise<void> {
    if (this.#ending) return this.#ending
    this.#ending = this.#end(reason)
    // Only now: the publisher answers this by leaving, which ends the stream too.
    if (reason) this.publisher.disconnect(reason)
    return this.#ending
  }

  #goLive(): void {
    const { streams, log } = this.#options
    this.#goingLive ??= streams
      .goLive(this.identity.id)
      .then(() => log.info('live'))
      .catch(err => log.error({ err }, 'the stream could not be marked live'))
  }

  async #end(reason: AppError | undefined): Promise<void> {
    const { streams, log } = this.#options
    await Promise.all([this.#earlier, this.#broadcast?.close(reason)])
    const results = await Promise.allSettled(this.#outputs.map(output => output.close()))
    for (const result of results)
      if (result.status === 'rejected') log.error({ err: result.reason }, 'an output failed to close')
    await this.#goingLive
    await streams
      .end(this.identity.id)
      .catch(err => log.error({ err }, 'the stream could not be marked ended'))
    log.info('ended')
    this.#resolveClosed(reason)
  }
}
