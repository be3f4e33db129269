/** Runs the real product as a child process, on free ports of loopback and in a folder that goes away with it. */
import { join } from 'node:path'
import { type ApiClient, createClient } from '../../src/client/api-client.ts'
import { freePort, freePortRange } from './free-port.ts'
import { tempFolder } from './temp-folder.ts'

export interface SluiceOptions {
  /** Added to the environment; replaces what stands there otherwise. */
  readonly env?: Readonly<Record<string, string>>
  /** How long it may take until it is ready; default 60,000 (the embedded database's first start is slow). */
  readonly startMs?: number
  /** Path of the program; default: the product's. */
  readonly program?: string
}

/** A channel with the account that owns it. */
export interface TestChannel {
  readonly id: string
  readonly slug: string
  readonly streamKey: string
  /** Where to publish, key included. */
  readonly publishUrl: string
  readonly whepUrl: string
  readonly hlsUrl: string
  /** The page people watch, and the bare player. */
  readonly pageUrl: string
  readonly embedUrl: string
  readonly credentials: { readonly username: string; readonly password: string }
  /** Signed in as the owner. */
  readonly client: ApiClient
}

const PRODUCT = join(import.meta.dir, '../../src/main.ts')
const root = join(import.meta.dir, '../..')
const inherited = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'MEDIASOUP_WORKER_BIN']
const START_MS = 60_000
/** It promises to stop within 5 s. */
const STOP_MS = 8_000
const LOG_CHARACTERS = 50_000
const WORKERS = 2

/** One running server: `await using sluice = await startSluice()`. */
export class Sluice implements AsyncDisposable {
  readonly url: string
  /** Without a key. */
  readonly rtmpUrl: string
  readonly dataDir: string
  /** Signed in as nobody. */
  readonly client: ApiClient
  readonly #process: Bun.ReadableSubprocess
  readonly #release: () => Promise<void>
  #log = ''
  #accounts = 0
  #stopping: Promise<number> | undefined

  /** `release` is called once when the process has ended. */
  constructor(env: Readonly<Record<string, string>>, release: () => Promise<void>, program: string) {
    this.url = `http://127.0.0.1:${env['PORT']}`
    this.rtmpUrl = `rtmp://127.0.0.1:${env['RTMP_PORT']}/live`
    this.dataDir = env['DATA_DIR']!
    this.client = createClient({ url: this.url })
    this.#release = release
    this.#process = Bun.spawn([process.execPath, program], { cwd: root, env, stdout: 'pipe', stderr: 'pipe' })
    this.#collect(this.#process.stdout)
    this.#collect(this.#process.stderr)
  }

  get pid(): number {
    return this.#process.pid
  }

  /** The last 50,000 characters it wrote to standard output and standard error. */
  get log(): string {
    return this.#log
  }

  /** Its exit status, once it has ended for whatever reason; 128 and more: by a signal. */
  get exited(): Promise<number> {
    return this.#process.exited
  }

  /** Resolves when it answers that it is ready. Throws with its log when it ends first or takes too long. */
  async ready(withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs
    while (performance.now() < deadline) {
      if (this.#process.exitCode !== null)
        throw new Error(`Sluice ended with status ${this.#process.exitCode}:\n${this.#log}`)
      const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(
        () => undefined,
      )
      if (answer?.ok) return
      await Bun.sleep(50)
    }
    throw new Error(`Sluice was not ready within ${withinMs} ms:\n${this.#log}`)
  }

  /** Signs up a new account, makes its channel and asks for the stream key. */
  async createChannel(slug: string, title = `Channel ${slug}`): Promise<TestChannel> {
    const credentials = { username: `owner_${++this.#accounts}`, password: 'correct horse battery' }
    // Sign-ups are limited per address, so each account comes from another one.
    const headers = { 'x-forwarded-for': `198.51.100.${this.#accounts}` }
    const { accessToken } = await createClient({ url: this.url, headers }).auth.signUp.mutate(credentials)
    const client = createClient({ url: this.url, headers, accessToken })
    const { id } = await client.channels.create.mutate({ slug, title })
    const { streamKey } = await client.channels.streamKey.query({ channelId: id })
    return {
      id,
      slug,
      streamKey,
      publishUrl: `${this.rtmpUrl}/${streamKey}`,
      whepUrl: `${this.url}/whep/${slug}`,
      hlsUrl: `${this.url}/hls/${slug}/index.m3u8`,
      pageUrl: `${this.url}/${slug}`,
      embedUrl: `${this.url}/embed/${slug}`,
      credentials,
      client,
    }
  }

  /** The value of a metric without labels, now; undefined when it is not there. */
  async metric(name: string): Promise<number | undefined> {
    const text = await (await fetch(`${this.url}/metrics`)).text()
    const line = text.split('\n').find(each => each.startsWith(`${name} `))
    return line ? Number(line.slice(name.length + 1)) : undefined
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Stops it as Ctrl-C does, by force after 8 s, and removes its folder. Returns its exit status. Idempotent. */
  stop(): Promise<number> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #stop(): Promise<number> {
    this.kill('SIGINT')
    const timer = setTimeout(() => this.kill('SIGKILL'), STOP_MS)
    const status = await this.#process.exited
    clearTimeout(timer)
    await this.#release()
    return status
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    for await (const chunk of stream)
      this.#log = (this.#log + decoder.decode(chunk, { stream: true })).slice(-LOG_CHARACTERS)
  }
}

/** Starts Sluice and resolves when it is ready. The environment's MEDIASOUP_WORKER_BIN is handed on. */
export async function startSluice(options: SluiceOptions = {}): Promise<Sluice> {
  const folder = await tempFolder('sluice-data-')
  const passed = inherited.flatMap(name => (process.env[name] ? [[name, process.env[name]] as const] : []))
  const env = {
    ...Object.fromEntries(passed),
    HOST: '127.0.0.1',
    PORT: String(await freePort()),
    RTMP_PORT: String(await freePort()),
    WEBRTC_PORT: String(await freePortRange(WORKERS)),
    WEBRTC_WORKERS: String(WORKERS),
    TRUSTED_PROXY_HOPS: '1',
    DATA_DIR: folder.path,
    LOG_LEVEL: 'warn',
    // Several encoders for each stream are what two cores of tests cannot spare; tests of the ladder ask for it.
    LADDER: 'off',
    ...options.env,
  }
  const sluice = new Sluice(env, () => folder.remove(), options.program ?? PRODUCT)
  try {
    await sluice.ready(options.startMs ?? START_MS)
    return sluice
  } catch (error) {
    await sluice.stop()
    throw error
  }
}
