/** Serves the parts of a video's page on a server whose API answers from a script. */
import type { Server } from 'bun'
import { type Answer, ApiFailure } from './fake-site.ts'

export class PartsSite {
  readonly url: string
  readonly calls: { readonly name: string; readonly input: Record<string, unknown> }[] = []
  answers: Record<string, Answer> = {}
  readonly #server: Server<undefined>

  private constructor(files: ReadonlyMap<string, Blob>) {
    this.#server = Bun.serve<undefined>({
      port: 0,
      hostname: '127.0.0.1',
      fetch: request => {
        const { pathname } = new URL(request.url)
        if (pathname.startsWith('/trpc/')) return this.#answer(request)
        const file = files.get(pathname)
        return file ? new Response(file) : new Response(PAGE, { headers: { 'content-type': 'text/html' } })
      },
    })
    this.url = `http://127.0.0.1:${this.#server.port}`
  }

  static async open(): Promise<PartsSite> {
    const entry = `${import.meta.dir}/parts-page.tsx`
    const { outputs } = await Bun.build({ entrypoints: [entry], target: 'browser', naming: 'parts.[ext]' })
    return new PartsSite(new Map(outputs.map(each => [`/${each.path.replace(/^.*\//, '')}`, each])))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }

  named(name: string): Record<string, unknown>[] {
    return this.calls.filter(each => each.name === name).map(each => each.input)
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const name = url.pathname.slice('/trpc/'.length)
    const sent = request.method === 'POST' ? await request.text() : url.searchParams.get('input')
    const input = (sent ? JSON.parse(sent) : {}) as Record<string, unknown>
    this.calls.push({ name, input })
    const value = (await this.answers[name]?.(input)) ?? null
    if (!(value instanceof ApiFailure)) return Response.json({ result: { data: value } })
    const { status, reason, message } = value
    const data = { httpStatus: status, reason }
    return Response.json({ error: { code: -32000, message, data } }, { status })
  }
}

const PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Parts</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/parts.css"></head>
<body><div id="app"></div><script type="module" src="/parts.js"></script></body></html>`
