/** What every WebSocket has in common, whichever route took it: its limits, and whom its events are told to. */

export type Socket = Bun.ServerWebSocket<SocketOwner>

/** What a route hands to `server.upgrade` as `data`. Nothing here may throw or wait. */
export interface SocketOwner {
  open?(socket: Socket): void
  message?(socket: Socket, message: string | Buffer<ArrayBuffer>): void
  /** What was queued has gone out. */
  drain?(socket: Socket): void
  close?(socket: Socket, code: number, reason: string): void
}

/** A longer message closes its connection with 1009. */
const MAX_MESSAGE_BYTES = 8 * 1024
/**
 * Beyond it the engine would leave out a message and go on, so the connection is cut instead. It is a last resort: an
 * owner closes a slow reader long before, with a code.
 */
const MAX_QUEUED_BYTES = 1024 * 1024
/** Who answers no ping for this long is gone. */
const IDLE_TIMEOUT_SECONDS = 120

/** For `Bun.serve`. */
export const sockets: Bun.WebSocketHandler<SocketOwner> = {
  open: socket => socket.data.open?.(socket),
  message: (socket, message) => socket.data.message?.(socket, message),
  drain: socket => socket.data.drain?.(socket),
  close: (socket, code, reason) => socket.data.close?.(socket, code, reason),
  maxPayloadLength: MAX_MESSAGE_BYTES,
  backpressureLimit: MAX_QUEUED_BYTES,
  closeOnBackpressureLimit: true,
  idleTimeout: IDLE_TIMEOUT_SECONDS,
  sendPings: true,
  // A compressor for each connection costs more memory than everything else about it.
  perMessageDeflate: false,
}
