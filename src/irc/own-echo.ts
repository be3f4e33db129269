/** Keeps a client's own words from coming back to it: RFC 1459 clients show what they send by themselves. */

/** Own messages that arrive while one is being stored wait until it is known whether they are that one. */
export class OwnEcho {
  readonly #send: (text: string) => void
  readonly #waiting: { id: string; text: string }[] = []
  readonly #sent = new Set<string>()
  #inFlight = 0

  constructor(send: (text: string) => void) {
    this.#send = send
  }

  /** Runs `store`, which answers the id of the message that the client must not hear again. */
  async during(store: () => Promise<string | undefined>): Promise<void> {
    this.#inFlight++
    try {
      const id = await store()
      if (id !== undefined) this.#sent.add(id)
    } finally {
      this.#inFlight--
      if (this.#inFlight === 0) this.#flush()
    }
  }

  /** A message of the same account, as the room tells it. */
  receive(id: string, text: string): void {
    if (this.#inFlight === 0) this.#send(text)
    else this.#waiting.push({ id, text })
  }

  #flush(): void {
    for (const { id, text } of this.#waiting) if (!this.#sent.has(id)) this.#send(text)
    this.#waiting.length = 0
    this.#sent.clear()
  }
}
