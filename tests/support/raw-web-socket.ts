/** A WebSocket by hand, which can break every rule of RFC 6455: what it sends are bytes, and it reads when it wants to. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

export const TEXT = 1
export const BINARY = 2
export const CLOSE = 8
export const PING = 9

export interface FrameOptions {
  readonly isFinal?: boolean
  readonly isMasked?: boolean
  /** RSV1 to RSV3, of which none means anything here. */
  readonly reserved?: number
  /** What the header says, which may be a lie. */
  readonly length?: bigint
}

/** RFC 6455 section 5.2. */
export function frame(opcode: number, payload: Uint8Array | string, options: FrameOptions = {}): Buffer {
  const { isFinal = true, isMasked = true, reserved = 0 } = options
  const bytes = Buffer.from(payload)
  const length = options.length ?? BigInt(bytes.byteLength)
  const mask = isMasked ? randomBytes(4) : Buffer.alloc(0)
  if (isMasked) for (let at = 0; at < bytes.byteLength; at++) bytes[at] = bytes[at]! ^ mask[at & 3]!
  const first = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode
  return Buffer.concat([Buffer.from([first]), lengthField(length, isMasked ? 0x80 : 0), mask, bytes])
}

function lengthField(length: bigint, maskBit: number): Buffer {
  if (length < 126n) return Buffer.from([maskBit | Number(length)])
  const field = Buffer.alloc(length < 65_536n ? 3 : 9)
  field[0] = maskBit | (length < 65_536n ? 126 : 127)
  if (length < 65_536n) field.writeUInt16BE(Number(length), 1)
  else field.writeBigUInt64BE(length, 1)
  return field
}

export interface RawWebSocketOptions {
  /** Of HTTP; names and values. */
  readonly headers?: Record<string, string>
  readonly localAddress?: string
}

export class RawWebSocket implements Disposable {
  /** Of the server's close frame, once it has been read. */
  closeCode: number | undefined
  /** The status line of the handshake's answer. */
  status = ''
  /** Text frames that were read. */
  texts = 0
  readonly closed: Promise<void>
  readonly #socket: Socket
  #unread: Buffer = Buffer.alloc(0)

  constructor(url: string, { headers = {}, localAddress }: RawWebSocketOptions = {}) {
    const { hostname, port, pathname, search } = new URL(url)
    const socket = connect({ port: Number(port), host: hostname, ...(localAddress && { localAddress }) })
    const closed = Promise.withResolvers<void>()
    this.closed = closed.promise
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('close', () => closed.resolve())
    socket.on('data', bytes => this.#receive(bytes as Buffer))
    const lines = Object.entries({
      ...{ host: `${hostname}:${port}`, connection: 'Upgrade', upgrade: 'websocket' },
      ...{ 'sec-websocket-version': '13', 'sec-websocket-key': randomBytes(16).toString('base64') },
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n`)
  }

  /** Resolves when the server has said its first word. */
  static async open(url: string, options?: RawWebSocketOptions): Promise<RawWebSocket> {
    const opened = new RawWebSocket(url, options)
    let isClosed = false
    void opened.closed.then(() => {
      isClosed = true
    })
    for (let waited = 0; opened.texts === 0 && !isClosed && waited < 10_000; waited += 5) await Bun.sleep(5)
    return opened
  }

  get isClosed(): boolean {
    return this.#socket.destroyed
  }

  /** False: the socket takes no more for now. */
  write(bytes: Uint8Array): boolean {
    return !this.#socket.destroyed && this.#socket.write(bytes)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Without a close frame. */
  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  #receive(bytes: Buffer): void {
    this.#unread = this.#unread.byteLength > 0 ? Buffer.concat([this.#unread, bytes]) : bytes
    if (!this.status) {
      const end = this.#unread.indexOf('\r\n\r\n')
      if (end < 0) return
      this.status = this.#unread.toString('latin1', 0, this.#unread.indexOf('\r\n'))
      this.#unread = this.#unread.subarray(end + 4)
    }
    while (this.#takeFrame()) {}
  }

  /** Servers do not mask. */
  #takeFrame(): boolean {
    const unread = this.#unread
    if (unread.byteLength < 2) return false
    const short = unread[1]! & 0x7f
    const start = short < 126 ? 2 : short === 126 ? 4 : 10
    if (unread.byteLength < start) return false
    const length =
      short < 126 ? short : short === 126 ? unread.readUInt16BE(2) : Number(unread.readBigUInt64BE(2))
    if (unread.byteLength < start + length) return false
    const opcode = unread[0]! & 0xf
    if (opcode === TEXT) this.texts++
    if (opcode === CLOSE) this.closeCode = length >= 2 ? unread.readUInt16BE(start) : 1005
    this.#unread = unread.subarray(start + length)
    return true
  }
}
