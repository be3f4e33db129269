/** Gives a test a real S3-compatible server of its own, which refuses wrong signatures and can go away and come back. */
import { join } from 'node:path'
import type { Config } from '../../src/config.ts'
import { findForgery, type Signer } from './sigv4-verifier.ts'
import { tempFolder } from './temp-folder.ts'

export type S3Config = NonNullable<Config['s3']>

/**
 * `refusing`: no connection is accepted, and those that are open are cut; `hanging`: requests are taken and not answered;
 * `failing`: they are answered by 503; `full`: those that store something are answered by 507.
 */
export type S3Trouble = 'refusing' | 'hanging' | 'failing' | 'full'

export interface TestS3 extends AsyncDisposable {
  /** For `openStore`. */
  readonly config: S3Config
  /** The same as variables. */
  readonly env: Readonly<Record<string, string>>
  /** What was asked for and answered, oldest first: `PUT /media/a/b 200`. */
  readonly requests: readonly string[]
  /** From now on. What hangs fails when it comes back. */
  goAway(trouble: S3Trouble): Promise<void>
  comeBack(): Promise<void>
  /** Each answer comes later by so much. */
  delay(ms: number): void
}

const BUCKET = 'media'
const program = join(import.meta.dir, 's3rver-process.ts')
const signer: Signer = {
  // The one that s3rver knows.
  accessKeyId: 'S3RVER',
  secretAccessKey: 'secret-of-the-tests',
  region: 'eu-test-1',
}

export async function openTestS3(): Promise<TestS3> {
  const folder = await tempFolder('sluice-s3-')
  const server = Bun.spawn([process.execPath, program, folder.path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const gate = new Gate(await firstLine(server.stdout))
  const endpoint = `http://127.0.0.1:${gate.port}`
  const { region, ...credentials } = signer
  return {
    // Frozen, as `loadConfig` makes it.
    config: Object.freeze({
      ...{ endpoint, bucket: BUCKET, region },
      credentials: Object.freeze(credentials),
      delivery: 'proxy',
    }),
    env: {
      S3_ENDPOINT: endpoint,
      S3_BUCKET: BUCKET,
      S3_REGION: region,
      S3_ACCESS_KEY_ID: signer.accessKeyId,
      S3_SECRET_ACCESS_KEY: signer.secretAccessKey,
    },
    requests: gate.requests,
    goAway: trouble => gate.change(trouble),
    comeBack: () => gate.change(undefined),
    delay: ms => gate.delay(ms),
    async [Symbol.asyncDispose]() {
      await gate.change('refusing')
      server.stdin.end()
      await server.exited
      await folder.remove()
    },
  }
}

/** Stands before s3rver. */
class Gate {
  readonly port: number
  readonly requests: string[] = []
  readonly #upstream: string
  #server: Bun.Server<undefined> | undefined
  #trouble: S3Trouble | undefined
  #change = Promise.withResolvers<void>()
  #delayMs = 0

  constructor(upstreamPort: string) {
    this.#upstream = `http://127.0.0.1:${upstreamPort}`
    this.#server = this.#listen(0)
    this.port = this.#server.port!
  }

  async change(trouble: S3Trouble | undefined): Promise<void> {
    this.#trouble = trouble
    this.#change.resolve()
    this.#change = Promise.withResolvers<void>()
    if (trouble === 'refusing') {
      await this.#server?.stop(true)
      this.#server = undefined
    } else this.#server ??= this.#listen(this.port)
  }

  delay(ms: number): void {
    this.#delayMs = ms
  }

  #listen(port: number): Bun.Server<undefined> {
    return Bun.serve({
      ...{ hostname: '127.0.0.1', port, idleTimeout: 0, maxRequestBodySize: 2 ** 32 },
      fetch: async request => {
        const answer = await this.#answer(request)
        this.requests.push(`${request.method} ${new URL(request.url).pathname} ${answer.status}`)
        return answer
      },
    })
  }

  async #answer(request: Request): Promise<Response> {
    if (this.#delayMs > 0) await Bun.sleep(this.#delayMs)
    if (this.#trouble === 'hanging') {
      await this.#change.promise
      return refusal(503, 'SlowDown')
    }
    if (this.#trouble === 'failing') return refusal(503, 'SlowDown')
    if (this.#trouble === 'full' && request.method === 'PUT') return refusal(507, 'XMinioStorageFull')
    const body = await request.bytes()
    const forgery = findForgery(request, body, signer)
    if (forgery) return refusal(STATUSES[forgery] ?? 403, forgery)
    const { pathname, search } = new URL(request.url)
    const headers = new Headers(request.headers)
    headers.delete('host')
    const hasBody = request.method !== 'GET' && request.method !== 'HEAD'
    const answer = await fetch(`${this.#upstream}${pathname}${search}`, {
      ...{ method: request.method, headers, redirect: 'manual', ...(hasBody && { body }) },
    })
    // Of what is handed on as a stream nobody is told the length.
    return request.method === 'HEAD' ? answer : new Response(await answer.arrayBuffer(), answer)
  }
}

const STATUSES: Record<string, number> = {
  AuthorizationHeaderMalformed: 400,
  BadDigest: 400,
  XAmzContentSHA256Mismatch: 400,
}

function refusal(status: number, code: string): Response {
  const xml = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}, says the gate.</Message></Error>`
  return new Response(xml, { status, headers: { 'content-type': 'application/xml' } })
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes('\n')) break
  }
  if (!text.includes('\n')) throw new Error('s3rver did not start')
  return text.split('\n')[0]!
}
