/** Hides one RTMP connection, a publisher's or a player's: its socket, its deadlines, and how refusals are told. */
import { ProtocolError } from '../../media/protocol-error.ts'
import { type RejectCode, type RtmpEvent, RtmpSession, type RtmpState } from '../../media/rtmp/session.ts'
import { AppError } from '../errors.ts'
import type { Live } from '../live/live.ts'
import type { Publication, Publisher } from '../live/publication.ts'
import type { Log } from '../log.ts'
import { Outgoing, type TcpSocket } from '../outgoing.ts'
import { PublisherFeed } from './publisher-feed.ts'
import * as refusals from './refusals.ts'
import type { RtmpDeadlines } from './rtmp-deadlines.ts'
import { type PlayerAdmission, type PlayRequest, RtmpPlayer } from './rtmp-player.ts'

interface RtmpConnectionOptions extends PlayerAdmission {
  readonly socket: TcpSocket
  readonly live: Pick<Live, 'publish'>
  readonly log: Log
  readonly deadlines: RtmpDeadlines
}

/**
 * Reads media from a socket into a live stream, in the tick in which it arrives, or sends a stream's to a player. While the key is being checked the
 * socket is not read, so a peer that floods fills its own buffers. Whatever fails here closes this connection alone.
 */
export class RtmpConnection implements Publisher {
  readonly remoteAddress: string
  /** Resolves when the socket is closed. */
  readonly closed: Promise<Error | undefined>
  readonly #socket: TcpSocket
  readonly #options: RtmpConnectionOptions
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
  #player: RtmpPlayer | undefined
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
    this.#options = options
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
      this.#player?.pump()
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
    this.#leave(error ?? new Error('the peer closed the connection'))
    this.#phase = 'closed'
    clearTimeout(this.#deadline)
    this.#resolveClosed(this.#cause)
  }

  /** ffmpeg and OBS only log it; encoders that show it show the setting to change. */
  warn(message: string): void {
    if (this.#phase === 'open') this.#guard(() => this.#outgoing.write(this.#session.warn(message)))
  }

  /**
   * Tells the publisher and closes. `NetStream.Publish.Rejected` is among the codes that OBS takes for final where it
   * looks at them; in the middle of a stream it does not look, and connects again.
   */
  disconnect(reason: AppError): void {
    this.#guard(() => this.#refuse(reason, refusals.REJECTED))
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
        this.#onPublish(event)
        return
      case 'metadata':
        this.#software = event.metadata.encoder ?? this.#software
        this.#feed?.metadata(event.metadata)
        return
      case 'play':
        this.#onPlay(event)
        return
      case 'receive':
        this.#player?.want(event.kinds, event.isWanted)
        return
      case 'stop':
        this.#player?.close()
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
    if (state === 'connected') this.#expect(this.#deadlines.publishMs, 'publish or play')
  }

  #onPublish({ app, streamKey, query }: Extract<RtmpEvent, { type: 'publish' }>): void {
    if (app !== refusals.APP) throw refusals.appUnknown()
    const isBackup = new URLSearchParams(query).get('backup') === '1'
    this.#socket.pause()
    this.#setDeadline(this.#deadlines.keyCheckMs, () => {
      throw refusals.keyCheckTimeout()
    })
    this.#options.live.publish({ streamKey, isBackup }, this).then(
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
    this.#startPings()
    this.#lastReceivedAt = performance.now()
    this.#socket.resume()
  }

  #onDenied(error: unknown): void {
    const reason = error instanceof AppError ? error : refusals.internalError()
    if (reason !== error) this.#log.error({ err: error }, 'the stream key could not be checked')
    this.#refuse(reason, refusals.publishCode(reason))
  }

  #onPlay(request: PlayRequest): void {
    this.#setDeadline(this.#deadlines.playMs, () => {
      throw refusals.notLive()
    })
    this.#player = new RtmpPlayer({
      ...this.#options,
      request,
      session: this.#session,
      outgoing: this.#outgoing,
      log: this.#log,
      onReadable: () => this.#guard(() => this.#player?.pump()),
      onStart: () => {
        clearTimeout(this.#deadline)
        this.#startPings()
      },
      onRefused: error => this.#fail(error),
      onEnd: () => this.#linger(),
    })
    this.#player.pump()
  }

  #startPings(): void {
    clearInterval(this.#pings)
    const ping = () => this.#outgoing.write(this.#session.ping(Math.trunc(performance.now()) % 2 ** 32))
    this.#pings = setInterval(() => this.#guard(ping), this.#deadlines.pingMs)
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
      const code = this.#session.state === 'playing' ? refusals.playCode(error) : refusals.REJECTED
      this.#guard(() => this.#refuse(error, code))
      return
    }
    const cause = error instanceof Error ? error : new Error(String(error))
    if (error instanceof ProtocolError) this.#log.info({ reason: cause.message }, 'RTMP connection closed')
    else this.#log.error({ err: cause }, 'RTMP connection failed')
    this.#leave(cause)
    this.#socket.terminate()
  }

  /** A refusal is read by the peer only if the connection ends in order. */
  #refuse(reason: AppError, code: RejectCode): void {
    if (this.#phase !== 'open') return
    this.#log.info({ reason: reason.reason }, 'RTMP peer refused')
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
    this.#player?.close()
    this.#leaveStream()
  }

  #leaveStream(): void {
    this.#publication?.leave({ isOrderly: this.#isDone, cause: this.#cause })
  }
}
