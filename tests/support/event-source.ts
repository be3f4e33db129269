/** An EventSource for programs, as much of the standard as subscriptions use: HTML, section 9.2. */
const RETRY_MS = 100

export interface EventSourceOptions {
  /** Sent with every request. */
  readonly headers?: Record<string, string>
}

/** The constructor, and every one that it has made. */
export function eventSources(options: EventSourceOptions = {}) {
  const opened: Source[] = []
  class Source extends EventTarget {
    static readonly CONNECTING = 0
    static readonly OPEN = 1
    static readonly CLOSED = 2
    readonly CONNECTING = 0
    readonly OPEN = 1
    readonly CLOSED = 2
    readonly withCredentials = false
    readonly url: string
    readyState: number = this.CONNECTING
    onopen: ((event: Event) => void) | null = null
    onmessage: ((event: MessageEvent) => void) | null = null
    onerror: ((event: Event) => void) | null = null
    lastEventId = ''
    #abort = new AbortController()

    constructor(url: string | URL) {
      super()
      this.url = String(url)
      opened.push(this)
      void this.#run()
    }

    close(): void {
      this.readyState = this.CLOSED
      this.#abort.abort()
    }

    /** Cuts the connection, as a network does. */
    cut(): void {
      this.#abort.abort()
    }

    #isClosed(): boolean {
      return this.readyState === this.CLOSED
    }

    async #run(): Promise<void> {
      while (!this.#isClosed()) {
        this.#abort = new AbortController()
        await this.#read().catch(() => {})
        if (this.#isClosed()) return
        this.readyState = this.CONNECTING
        this.dispatchEvent(new Event('error'))
        await Bun.sleep(RETRY_MS)
      }
    }

    async #read(): Promise<void> {
      const last = this.lastEventId && { 'last-event-id': this.lastEventId }
      const headers = { accept: 'text/event-stream', ...options.headers, ...(last || {}) }
      const response = await fetch(this.url, { headers, signal: this.#abort.signal })
      if (!response.ok || !response.body) {
        this.readyState = this.CLOSED
        this.dispatchEvent(Object.assign(new Event('error'), { status: response.status }))
        return
      }
      this.readyState = this.OPEN
      this.dispatchEvent(new Event('open'))
      const decoder = new TextDecoder()
      let unread = ''
      for await (const bytes of response.body) {
        const blocks = (unread + decoder.decode(bytes, { stream: true })).split('\n\n')
        unread = blocks.pop() ?? ''
        for (const block of blocks) this.#dispatch(block)
      }
    }

    #dispatch(block: string): void {
      const fields = block.split('\n').map(line => /^(\w+): ?(.*)$/.exec(line)?.slice(1) ?? [])
      const all = (name: string) => fields.filter(([each]) => each === name).map(([, value = '']) => value)
      this.lastEventId = all('id').at(-1) ?? this.lastEventId
      const event = { data: all('data').join('\n'), lastEventId: this.lastEventId }
      this.dispatchEvent(new MessageEvent(all('event').at(-1) ?? 'message', event))
    }
  }
  return { EventSource: Source as unknown as typeof EventSource, opened }
}
