/** Hides one publisher's RTMP connection: its socket, its deadlines, and how refusals are told. */
import { ProtocolError } from '../../media/protocol-error.ts'
import { type RejectCode, type RtmpEvent, RtmpSession, type RtmpState } from '../../media/rtmp/session.ts'
import { AppError } from '../errors.ts'
import type { Live } from '../live/live.ts'
import type { Publication, Publisher, PublishRequest } from '../live/publication.ts'
import type { Log } from '../log.ts'
import { Outgoing } from './outgoing.ts'
import { PublisherFeed } from './publisher-feed.ts'
import type { RtmpDeadlines } from './rtmp-deadlines.ts'

/** What a connection needs of its TCP socket. */
export interface RtmpSocket {
  readonly remoteAddress: string
  /** Returns how many bytes were taken, or -1. */
  write(bytes: Uint8Array): number
  /** Sends FIN and goes on reading. */
  shutdown(): void
  terminate(): void
  pause(): void
  resume(): void
}

interface RtmpConnectionOptions {
  readonly socket: RtmpSocket
  readonly live: Pick<Live, 'publish'>
  readonly log: Log
  readonly deadlines: RtmpDeadlines
}

const APP = 'live'
const REJECTED = 'NetStream.Publish.Rejected'
const REJECT_CODES: Partial<Record<AppError['kind'], RejectCode>> = {
  FORBIDDEN: 'NetStream.Publish.Denied',
  CONFLICT: 'NetStream.Publish.BadName',
}

/**
 * Reads media from a socket into a live stream, in the tick in which it arrives. While the key is being checked the
 * socket is not read, so a peer that floods fills its own buffers. Whatever fails here closes this connection alone.
 */
export class RtmpConnection implements Publisher {
  readonly remoteAddress: string
  /** Resolves when the socket is closed. */
  readonly closed: Promise<Error | undefined>
  readonly #socket: RtmpSocket
  readonly #live: Pick<Live, 'publish'>
  readonly #log: Log
  readonly #deadlines: RtmpDeadlines
  readonly #session = new RtmpSession()
  readonly #outgoing: Outgoing
  readonly #resolveClosed: (cause: Error | undefined) => void
  #phase: 'open' | 'lingering' | 'closed' = 'open'
  #state: RtmpState = 'handshake'
  #software: string | undefined
  #publication: Publication | undefined
  #feed: PublisherFeed | undefined
  #deadline: ReturnType<typeof setTimeout> | undefined
  #pings: ReturnType<typeof setInterval> | undefined
  #lastReceivedAt = performance.now()
  #cause: Error | undefined
  /** The publisher has said that it is done. */
  #isDone = false

  constructor(options: RtmpConnectionOptions) {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.remoteAddress = options.socket.remoteAddress
    this.closed = promise
    this.#resolveClosed = resolve
    this.#socket = options.socket
    this.#live = options.live
    this.#log = options.log.child({ remoteAddress: this.remoteAddress })
    this.#deadlines = options.deadlines
    this.#outgoing = new Outgoing(options.socket)
    this.#expect(this.#deadlines.handshakeMs, 'handshake')
  }

  get software(): string {
    return this.#software ?? 'unknown'
  }

  /** Bytes have arrived. */
  receive(bytes: Uint8Array): void {
    if (this.#phase !== 'open') return
    this.#lastReceivedAt = performance.now()
    this.#guard(() => {
      for (const event of this.#session.receive(bytes)) if (this.#phase === 'open') this.#onEvent(event)
      if (this.#state !== this.#session.state) this.#onState(this.#session.state)
    })
  }

  /** The socket takes bytes again. */
  drain(): void {
    this.#guard(() => {
      this.#outgoing.flush()
      if (this.#phase === 'lingering' && this.#outgoing.isEmpty) this.#socket.shutdown()
    })
  }

  /** The socket has an error; that it is gone is told apart. */
  socketFailed(error: Error): void {
    this.#log.info({ reason: error.message }, 'RTMP socket failed')
    this.#leave(error)
    this.#socket.terminate()
  }

  /** The socket is gone. */
  socketClosed(error?: Error): void {
    this.#leave(error ?? new Error('the encoder closed the connection'))
    this.#phase = 'closed'
    clearTimeout(this.#deadline)
    this.#resolveClosed(this.#cause)
  }

  /**
   * Tells the publisher and closes. `NetStream.Publish.Rejected` is among the codes that OBS takes for final where it
   * looks at them; in the middle of a stream it does not look, and connects again.
   */
  disconnect(reason: AppError): void {
    this.#guard(() => this.#refuse(reason, REJECTED))
  }

  /** Idempotent. Resolves when the socket is closed. */
  async close(cause?: Error): Promise<void> {
    this.#guard(() => this.#linger(cause))
    await this.closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #onEvent(event: RtmpEvent): void {
    switch (event.type) {
      case 'media':
        this.#feed?.write(event.kind, event.timestampMs, event.body)
        return
      case 'reply':
        this.#outgoing.write(event.bytes)
        return
      case 'publish':
        this.#software = event.encoder
        this.#onPublish(event.app, {
          streamKey: event.streamKey,
          isBackup: new URLSearchParams(event.query).get('backup') === '1',
        })
        return
      case 'metadata':
        this.#software = event.metadata.encoder ?? this.#software
        this.#feed?.metadata(event.metadata)
        return
      case 'end':
        this.#log.info({ reason: event.reason }, 'publisher ended')
        this.#isDone = true
        this.#linger()
        return
    }
  }

  /** The next step of the conversation has its own deadline. */
  #onState(state: RtmpState): void {
    this.#state = state
    if (this.#phase !== 'open') return
    if (state === 'connecting') this.#expect(this.#deadlines.connectMs, 'connect')
    if (state === 'connected') this.#expect(this.#deadlines.publishMs, 'publish')
  }

  #onPublish(app: string, request: PublishRequest): void {
    if (app !== APP)
      throw new AppError('INVALID', 'app_unknown', `The server address ends in /${APP}: rtmp://HOST/${APP}.`)
    this.#socket.pause()
    this.#setDeadline(this.#deadlines.keyCheckMs, () => {
      throw new AppError(
        'INVALID',
        'key_check_timeout',
        'The server is too busy to check the key. Try again.',
      )
    })
    this.#live.publish(request, this).then(
      publication => this.#guard(() => this.#onAccepted(publication)),
      error => this.#guard(() => this.#onDenied(error)),
    )
  }

  #onAccepted(publication: Publication): void {
    this.#publication = publication
    if (this.#phase !== 'open') {
      this.#leaveStream()
      return
    }
    this.#feed = new PublisherFeed(tracks => {
      this.#watchIdle()
      return publication.start(tracks)
    })
    this.#outgoing.write(this.#session.accept())
    this.#log.info({ software: this.software }, 'publisher accepted')
    this.#setDeadline(this.#deadlines.tracksMs, () => this.#feed?.stopWaiting())
    this.#pings = setInterval(() => this.#guard(() => this.#ping()), this.#deadlines.pingMs)
    this.#lastReceivedAt = performance.now()
    this.#socket.resume()
  }

  #onDenied(error: unknown): void {
    if (error instanceof AppError) {
      this.#refuse(error, REJECT_CODES[error.kind] ?? REJECTED)
      return
    }
    this.#log.error({ err: error }, 'the stream key could not be checked')
    this.#refuse(
      new AppError('INVALID', 'internal', 'Something went wrong on the server. Try again.'),
      REJECTED,
    )
  }

  #ping(): void {
    this.#outgoing.write(this.#session.ping(Math.trunc(performance.now()) % 2 ** 32))
  }

  /** One timer that looks when the last bytes came, instead of one that every packet would have to reset. */
  #watchIdle(): void {
    const { idleMs } = this.#deadlines
    const left = idleMs - (performance.now() - this.#lastReceivedAt)
    if (left <= 0) throw new ProtocolError(`nothing was received for ${idleMs} ms`)
    this.#setDeadline(Math.ceil(left), () => this.#watchIdle())
  }

  #expect(withinMs: number, step: string): void {
    this.#setDeadline(withinMs, () => {
      throw new ProtocolError(`no ${step} within ${withinMs} ms`)
    })
  }

  #setDeadline(afterMs: number, onExpired: () => void): void {
    clearTimeout(this.#deadline)
    this.#deadline = setTimeout(() => this.#guard(onExpired), afterMs)
  }

  /** Runs a callback of the socket or a timer; a throw closes this connection and nothing else. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    if (error instanceof AppError) {
      this.#guard(() => this.#refuse(error, REJECTED))
      return
    }
    const cause = error instanceof Error ? error : new Error(String(error))
    if (error instanceof ProtocolError) this.#log.info({ reason: cause.message }, 'RTMP connection closed')
    else this.#log.error({ err: cause }, 'RTMP connection failed')
    this.#leave(cause)
    this.#socket.terminate()
  }

  /** A refusal is read by the publisher only if the connection ends in order. */
  #refuse(reason: AppError, code: RejectCode): void {
    if (this.#phase !== 'open') return
    this.#log.info({ reason: reason.reason }, 'publisher refused')
    this.#outgoing.write(this.#session.reject(code, reason.message))
    this.#linger(reason)
  }

  /**
   * Sends what is queued, then FIN, and goes on reading into nothing: closing with unread bytes would reset the
   * connection, and the peer would lose our last words.
   */
  #linger(cause?: Error): void {
    if (this.#phase !== 'open') return
    this.#leave(cause)
    this.#setDeadline(this.#deadlines.lingerMs, () => this.#socket.terminate())
    this.#socket.resume()
    if (this.#outgoing.isEmpty) this.#socket.shutdown()
  }

  /** The media ends here. Idempotent. */
  #leave(cause: Error | undefined): void {
    if (this.#phase !== 'open') return
    this.#phase = 'lingering'
    this.#cause = cause
    clearInterval(this.#pings)
    this.#leaveStream()
  }

  #leaveStream(): void {
    this.#publication?.leave({ isOrderly: this.#isDone, cause: this.#cause })
  }
}
