/** Counts what the chat does on this instance, for the metrics. */

export type WayIn = 'websocket' | 'sse' | 'irc'

export class ChatTally {
  /** Open now. */
  readonly connections: Record<WayIn, number> = { websocket: 0, sse: 0, irc: 0 }
  /** Stored by this instance. */
  messages = 0
  /** An event that went to a thousand connections counts a thousand. */
  deliveries = 0
  /** Connections closed since they took too little. */
  droppedReaders = 0
  readonly #bus: { readonly isConnected: boolean }

  constructor(bus: { readonly isConnected: boolean }) {
    this.#bus = bus
  }

  get isBusConnected(): boolean {
    return this.#bus.isConnected
  }

  /** Answers what to call when the connection ends; idempotent. */
  connect(way: WayIn): () => void {
    this.connections[way]++
    let isOpen = true
    return () => {
      if (isOpen) this.connections[way]--
      isOpen = false
    }
  }
}
