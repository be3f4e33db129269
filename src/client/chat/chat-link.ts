/** Keeps one WebSocket open: comes back when it is lost, and notices when it is silently dead. */

export interface ChatLinkOptions {
  /** Asked for at each attempt; a rejection is a failed attempt. */
  readonly address: () => Promise<string>
  readonly createSocket: (url: string) => WebSocket
  /** The longest first pause before coming back, in milliseconds. */
  readonly retryMs: number
  readonly onFrame: (frame: string) => void
  /** Answers whether to come back. `code`: undefined when nobody has closed it properly. */
  readonly onLost: (code: number | undefined) => boolean
  /** Sent when nothing has been heard for a while; the server answers it. */
  readonly ping: string
}

const OPEN_TIMEOUT_MS = 15_000
const QUIET_MS = 25_000
const PONG_TIMEOUT_MS = 10_000
const MAX_PAUSE_MS = 20_000
/** Close codes after which the server wants to be left alone for long. */
const FLOOD = 4003

export class ChatLink {
  readonly #options: ChatLinkOptions
  #socket: WebSocket | undefined
  #failures = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #isClosed = false

  constructor(options: ChatLinkOptions) {
    this.#options = options
    void this.#connect()
  }

  /** False: it is not open. */
  send(text: string): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    this.#socket.send(text)
    return true
  }

  /** The server has taken us in: the next pause is a short one again. */
  succeeded(): void {
    this.#failures = 0
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#abandon()
  }

  async #connect(): Promise<void> {
    const url = await this.#options.address().catch(() => undefined)
    if (this.#isClosed) return
    if (url === undefined) return this.#lost(undefined)
    const socket = this.#options.createSocket(url)
    this.#socket = socket
    this.#expect(OPEN_TIMEOUT_MS, () => this.#lost(undefined))
    socket.onmessage = ({ data }) => {
      this.#expect(QUIET_MS, () => this.#askWhetherAlive())
      this.#options.onFrame(String(data))
    }
    socket.onclose = ({ code }) => this.#lost(code)
  }

  #askWhetherAlive(): void {
    this.send(this.#options.ping)
    this.#expect(PONG_TIMEOUT_MS, () => this.#lost(undefined))
  }

  #lost(code: number | undefined): void {
    clearTimeout(this.#timer)
    this.#abandon()
    if (!this.#options.onLost(code)) {
      this.#isClosed = true
      return
    }
    this.#expect(this.#pause(code), () => void this.#connect())
  }

  /** Random, so that those whom one server lost do not come back to the next all at once. */
  #pause(code: number | undefined): number {
    const longest = Math.min(MAX_PAUSE_MS, this.#options.retryMs * 2 ** this.#failures++)
    return code === FLOOD ? MAX_PAUSE_MS : longest * (0.3 + 0.7 * Math.random())
  }

  #abandon(): void {
    const socket = this.#socket
    this.#socket = undefined
    if (!socket) return
    socket.onmessage = null
    socket.onclose = null
    socket.close()
  }

  #expect(ms: number, act: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(act, ms)
  }
}
