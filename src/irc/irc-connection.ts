/** Hides the socket of one IRC client: lines from bytes, its bounded queues, and that it is asked whether it is there. */
import type { Log } from '../log.ts'
import { Outgoing, type Writable } from '../outgoing.ts'
import { IrcSession, type IrcSessionOptions } from './irc-session.ts'
import { formatMessage, fromServer, parseMessage, SERVER_NAME } from './message.ts'

/** What a connection needs of its TCP socket. */
interface IrcSocket extends Writable {
  /** Sends what is buffered, then FIN. */
  end(): void
  terminate(): void
}

export interface IrcConnectionOptions extends Omit<IrcSessionOptions, 'send' | 'end'> {
  readonly socket: IrcSocket
  /** It did not read, and is cut off. */
  readonly onTooSlow?: (() => void) | undefined
  readonly log: Log
  readonly limits?: Partial<typeof LIMITS>
}

const LIMITS = {
  /** IRCv3 lets a client send 4,094 bytes of tags; 500 graphemes may take some thousand more. */
  lineBytes: 16_384,
  /** Lines that wait for the one before them. */
  waitingLines: 64,
  registerMs: 20_000,
  /** Without a word for so long, the client is asked; after twice that it is gone. */
  quietMs: 90_000,
  /** In lines that are too long or no UTF-8, in all; honest clients send hardly any. */
  wastedBytes: 262_144,
}

const NEWLINE = 10
const utf8 = new TextDecoder('utf-8', { fatal: true })

export class IrcConnection {
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>
  readonly #options: IrcConnectionOptions
  readonly #limits: typeof LIMITS
  readonly #session: IrcSession
  readonly #waiting: string[] = []
  readonly #outgoing: Outgoing
  readonly #resolveClosed: () => void
  #received: Uint8Array = new Uint8Array()
  /** The rest of a line that was too long is passed over. */
  #isPassingOver = false
  #wastedBytes = 0
  #isWorking = false
  #isEnding = false
  #isDropped = false
  #isClosed = false
  #timer: Timer | undefined

  constructor(options: IrcConnectionOptions) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.#resolveClosed = resolve
    this.#options = options
    this.#outgoing = new Outgoing(options.socket)
    this.#limits = { ...LIMITS, ...options.limits }
    this.#session = new IrcSession({
      ...options,
      send: text => this.#send(text),
      end: reason => this.end(reason),
    })
    this.#timer = setTimeout(() => this.end('Registration took too long.'), this.#limits.registerMs)
  }

  /** What the client has not read. */
  get queuedBytes(): number {
    return this.#outgoing.queuedBytes
  }

  /** Cuts off a client that reads too little. */
  drop(): void {
    if (this.#isDropped) return
    this.#isDropped = true
    this.#isEnding = true
    this.#options.onTooSlow?.()
    this.#options.log.info('an IRC client that did not read was disconnected')
    this.#options.socket.terminate()
  }

  receive(bytes: Uint8Array): void {
    if (this.#isEnding) return
    this.#waitQuietly()
    let rest = this.#received.byteLength > 0 ? Buffer.concat([this.#received, bytes]) : bytes
    for (let end = rest.indexOf(NEWLINE); end >= 0 && !this.#isEnding; end = rest.indexOf(NEWLINE)) {
      if (this.#isPassingOver || end > this.#limits.lineBytes) this.#tooLong(end)
      else this.#take(rest.subarray(0, end))
      this.#isPassingOver = false
      rest = rest.subarray(end + 1)
    }
    this.#isPassingOver ||= rest.byteLength > this.#limits.lineBytes
    if (this.#isPassingOver) this.#waste(rest.byteLength)
    this.#received = this.#isPassingOver ? new Uint8Array() : rest.slice()
  }

  /** The socket takes more. */
  drain(): void {
    this.#outgoing.flush()
    if (this.#isEnding && this.#outgoing.isEmpty) this.#options.socket.end()
  }

  /** Tells the client why, and disconnects it. Idempotent. */
  end(reason: string): void {
    if (this.#isEnding) return
    this.#send(formatMessage({ command: 'ERROR', params: [reason] }))
    this.#isEnding = true
    this.#session.close()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#options.socket.terminate(), 2_000)
    if (this.#outgoing.isEmpty) this.#options.socket.end()
  }

  /** The socket is closed, by whom ever. Idempotent. */
  socketClosed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isEnding = true
    clearTimeout(this.#timer)
    this.#session.close()
    this.#resolveClosed()
  }

  #take(bytes: Uint8Array): void {
    if (this.#waiting.length >= this.#limits.waitingLines)
      return this.end('Too many lines at once: send fewer.')
    try {
      this.#waiting.push(utf8.decode(bytes).replace(/\r$/, ''))
    } catch {
      this.#send(formatMessage(fromServer('FAIL', ['*', 'INVALID_UTF8', 'Lines must be UTF-8.'])))
      return this.#waste(bytes.byteLength)
    }
    this.#work()
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return
    this.#isWorking = true
    try {
      for (
        let line = this.#waiting.shift();
        line !== undefined && !this.#isEnding;
        line = this.#waiting.shift()
      ) {
        const message = line.trim() === '' ? undefined : parseMessage(line)
        if (message) await this.#session.handle(message)
        this.#waitQuietly()
      }
    } catch (err) {
      this.#options.log.error({ err }, 'an IRC command failed')
      this.end('Something went wrong on the server.')
    } finally {
      this.#isWorking = false
    }
  }

  #tooLong(bytes: number): void {
    this.#send(formatMessage(fromServer('417', ['*', 'Input line was too long'])))
    this.#waste(bytes)
  }

  /** Whoever goes on with it would keep the server busy for nothing. */
  #waste(bytes: number): void {
    this.#wastedBytes += bytes
    if (this.#wastedBytes > this.#limits.wastedBytes) this.end('Too much that is no message.')
  }

  #send(text: string): void {
    if (this.#isEnding) return
    try {
      this.#outgoing.write(Buffer.from(text))
    } catch {
      this.drop()
    }
  }

  #waitQuietly(): void {
    if (!this.#session.isRegistered || this.#isEnding) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#send(formatMessage({ command: 'PING', params: [SERVER_NAME] }))
      this.#timer = setTimeout(() => this.end('Ping timeout'), this.#limits.quietMs)
    }, this.#limits.quietMs)
  }
}
