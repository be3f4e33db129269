/** Calls procedures as the wire shows them, with the cookies of a browser or the token of a program. */

export interface Answer {
  readonly status: number
  /** What the procedure returned. */
  readonly data: unknown
  readonly error: { message: string; data: { code: string; httpStatus: number; reason: string } } | undefined
  readonly headers: Headers
  readonly text: string
}

export class ApiCaller {
  readonly #url: string
  /** Sent with every request. */
  readonly headers: Record<string, string>
  readonly #cookies = new Map<string, string>()

  constructor(url: string, headers: Record<string, string> = {}) {
    this.#url = url
    this.headers = headers
  }

  /** `name=value`, as the browser would send it; undefined: none. */
  get cookie(): string | undefined {
    if (this.#cookies.size === 0) return undefined
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  async query(name: string, input?: unknown): Promise<Answer> {
    const query = input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify(input))}`
    return this.#send(`/trpc/${name}${query}`, { method: 'GET' })
  }

  async mutate(name: string, input?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#send(`/trpc/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: input === undefined ? null : JSON.stringify(input),
    })
  }

  async #send(
    path: string,
    init: { method: string; headers?: Record<string, string>; body?: string | null },
  ) {
    const cookie = this.cookie
    const response = await fetch(`${this.#url}${path}`, {
      ...init,
      headers: { ...this.headers, ...(cookie !== undefined && { cookie }), ...init.headers },
    })
    for (const line of response.headers.getSetCookie()) this.#store(line)
    const text = await response.text()
    const body = text.startsWith('{') ? JSON.parse(text) : {}
    return {
      status: response.status,
      data: body.result?.data,
      error: body.error,
      headers: response.headers,
      text,
    }
  }

  #store(setCookie: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(setCookie) ?? []
    if (/;\s*max-age=0\b/i.test(setCookie)) this.#cookies.delete(name)
    else this.#cookies.set(name, value)
  }
}
