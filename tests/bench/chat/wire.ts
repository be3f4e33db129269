/** What the load generator has to say to each server, and nothing more. */

export type ServerKind = 'sluice' | 'socket-io'

interface Wire {
  readonly path: string
  readonly headers: string
  /** Said once it is upgraded. */
  readonly greeting: string | undefined
  /** What the server says, maybe among other things, when it has let it in. */
  readonly welcome: string
  say(text: string, ref: number): string
}

export const wires: Readonly<Record<ServerKind, Wire>> = {
  sluice: {
    path: '/chat/room',
    headers: 'authorization: Bearer viewer\r\n',
    greeting: undefined,
    welcome: '"type":"hello"',
    say: (text, ref) => JSON.stringify({ type: 'send', ref, text }),
  },
  // Engine.IO 4 and Socket.IO 5: 40 connects to a namespace, 42 is an event, the digits behind it ask for an answer.
  'socket-io': {
    path: '/socket.io/?EIO=4&transport=websocket',
    headers: '',
    greeting: '40{"token":"viewer"}',
    welcome: '40{"sid"',
    say: (text, ref) => `42${ref}${JSON.stringify(['send', { text }])}`,
  },
}

/** The HTTP request that upgrades (RFC 6455 4.1). */
export function handshake({ path, headers }: Wire): string {
  return `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`
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
