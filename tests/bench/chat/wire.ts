/** What the load generator has to say to each server, and nothing more. */

export type ServerKind = 'sluice' | 'socket-io'
/** Beside these the whole product, to which guests come. */
export type WireKind = ServerKind | 'product'

interface Wire {
  readonly path: string
  readonly headers: string
  /** Said once it is upgraded. */
  readonly greeting: string | undefined
  /** What the server says, maybe among other things, when it has let it in. */
  readonly welcome: string
  say(text: string, ref: number): string
}

const sluice: Wire = {
  path: '/chat/room',
  headers: 'authorization: Bearer viewer\r\n',
  greeting: undefined,
  welcome: '"type":"hello"',
  say: (text, ref) => JSON.stringify({ type: 'send', ref, text }),
}

export const wires: Readonly<Record<WireKind, Wire>> = {
  sluice,
  product: { ...sluice, headers: '' },
  // Engine.IO 4 and Socket.IO 5: 40 connects to a namespace, 42 is an event, the digits behind it ask for an answer.
  'socket-io': {
    path: '/socket.io/?EIO=4&transport=websocket',
    headers: '',
    greeting: '40{"token":"viewer"}',
    welcome: '40{"sid"',
    say: (text, ref) => `42${ref}${JSON.stringify(['send', { text }])}`,
  },
}

/** The HTTP request that upgrades (RFC 6455 4.1), as a proxy passes it on: each client has an address of its own. */
export function handshake({ path, headers }: Wire, client: number): string {
  const address = `198.18.${(client >> 8) & 255}.${client & 255}`
  return `GET ${path} HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: ${address}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`
}

/** One text frame, masked by zero, which leaves the payload as it is (RFC 6455 5.3). For at most 65,535 bytes. */
export function frame(text: string): Uint8Array {
  const payload = new TextEncoder().encode(text)
  const { length } = payload
  const head = length < 126 ? [0x81, 0x80 | length] : [0x81, 0xfe, length >> 8, length & 0xff]
  const bytes = new Uint8Array(head.length + 4 + length)
  bytes.set(head)
  bytes.set(payload, head.length + 4)
  return bytes
}
