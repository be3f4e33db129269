/** One process that receives files, and others that encode them, with one database and one folder of media. */
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Upload } from 'tus-js-client'
import { createPostgresDatabase } from './database.ts'
import { type Sluice, startSluice } from './sluice.ts'
import { tempFolder } from './temp-folder.ts'

const PRODUCT = join(import.meta.dir, '../../src/main.ts')

/** A process that only does jobs. */
export interface FarmWorker extends AsyncDisposable {
  readonly pid: number
  /** Everything that it has written. */
  readonly output: string
  /** As if its machine had lost its power. */
  kill(): void
}

export class JobFarm implements AsyncDisposable {
  readonly database: string
  readonly server: Sluice
  readonly workers: readonly FarmWorker[]
  readonly #opened: AsyncDisposableStack

  private constructor(database: string, server: Sluice, workers: FarmWorker[], opened: AsyncDisposableStack) {
    this.database = database
    this.server = server
    this.workers = workers
    this.#opened = opened
  }

  /** `count`: processes that encode; resolves when they take jobs. */
  static async open(count: number): Promise<JobFarm> {
    await using opened = new AsyncDisposableStack()
    const folder = opened.use(await tempFolder('sluice-farm-'))
    const media = join(folder.path, 'media')
    await mkdir(media)
    const database = await createPostgresDatabase()
    const environment = async (role: 'serve' | 'jobs', name: string) => {
      const dataDir = join(folder.path, name)
      await mkdir(dataDir)
      // As a file system of the network would be mounted.
      await symlink(media, join(dataDir, 'media'))
      const secret = 'one secret for all of the processes'
      // What a killed process was working on stays there.
      const common = { TMPDIR: folder.path, AUTH_SECRET: secret }
      return { DATABASE_URL: database, DATA_DIR: dataDir, ROLES: role, ...common }
    }
    const server = opened.use(await startSluice({ env: await environment('serve', 'server') }))
    const workers: FarmWorker[] = []
    for (let index = 0; index < count; index++)
      workers.push(opened.use(await startWorker(await environment('jobs', `worker-${index}`))))
    return new JobFarm(database, server, workers, opened.move())
  }

  /** Sends the file at `path` to a channel of its own; resolves with the video's id when all of it is received. */
  async upload(path: string): Promise<string> {
    const {
      id: channelId,
      client,
      credentials,
    } = await this.server.createChannel(`films-${crypto.randomUUID().slice(0, 8)}`)
    const { accessToken } = await this.server.client.auth.signIn.mutate(credentials)
    const file = Buffer.from(await Bun.file(path).bytes())
    const { vodId, uploadUrl } = await client.uploads.create.mutate({
      ...{ channelId, title: 'A film', sizeBytes: file.byteLength, visibility: 'public' },
    })
    await new Promise<void>((resolve, reject) => {
      const transfer = new Upload(file, {
        uploadUrl: new URL(uploadUrl, this.server.url).href,
        headers: { authorization: `Bearer ${accessToken}` },
        onSuccess: () => resolve(),
        onError: reject,
      })
      transfer.start()
    })
    return vodId
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync()
  }
}

async function startWorker(env: Record<string, string>): Promise<FarmWorker> {
  const child = Bun.spawn([process.execPath, PRODUCT], {
    env: { PATH: process.env['PATH'], ...env },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const said = { text: '' }
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      said.text += text
      if (said.text.includes('Data ')) resolve()
    }
  }
  void Promise.all([read(child.stdout), read(child.stderr)]).then(() =>
    reject(new Error(`a process for jobs has not started: ${said.text}`)),
  )
  await promise
  return {
    pid: child.pid,
    get output() {
      return said.text
    },
    kill: () => child.kill('SIGKILL'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGINT')
      await child.exited
    },
  }
}
