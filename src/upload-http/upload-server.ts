/**
 * Receives files by the tus protocol (version 1.0.0), so that who loses the connection goes on where it broke off. What
 * has come whole is handed to the preparation, one file after the other; what stopped coming is thrown away after a day.
 */
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FileStore } from '@tus/file-store'
import { Server, Upload } from '@tus/server'
import { Elysia } from 'elysia'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { type PreparationOptions, prepare } from '../uploads/preparation.ts'
import type { UploadsService } from '../uploads/service.ts'

export interface UploadServerOptions {
  /** Where files lie until they are cut. */
  readonly folder: string
  readonly uploads: Pick<UploadsService, 'checkSender' | 'maxBytes'>
  /** The account of a request; undefined: a guest. Throws `AppError` for a token that is not valid. */
  readonly identify: (request: Request) => Promise<string | undefined>
  readonly preparation: PreparationOptions
  readonly log: Log
}

const PATH = '/uploads'
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const IDLE_LIMIT_MS = 24 * 60 * 60_000
const SWEEP_MS = 10 * 60_000
/** A body is up to 64 MB, from somebody's slow line. */
const IDLE_SECONDS = 120
const RETRY_MS = 10_000

interface Connection {
  timeout(request: Request, seconds: number): void
}

export class UploadServer implements AsyncDisposable {
  readonly #options: UploadServerOptions
  readonly #store: FileStore
  readonly #tus: Server
  readonly #closing = new AbortController()
  readonly #sweeping: ReturnType<typeof setInterval>
  /** Files that are whole, one after the other. */
  #work: Promise<void> = Promise.resolve()

  private constructor(options: UploadServerOptions) {
    this.#options = options
    this.#store = new FileStore({ directory: options.folder })
    this.#tus = new Server({
      path: PATH,
      datastore: this.#store,
      relativeLocation: true,
      maxSize: options.uploads.maxBytes,
      allowedHeaders: ['Authorization'],
      onIncomingRequest: (request, id) => this.#check(request as unknown as Request, id),
      onUploadFinish: async (_, { id }) => {
        this.#take(id)
        return {}
      },
      onResponseError: (_, error) => describe(error),
    })
    this.#sweeping = setInterval(
      () => this.#sweep().catch(err => options.log.warn({ err }, 'uploads cannot be looked at')),
      SWEEP_MS,
    )
    this.#sweeping.unref()
  }

  /** Goes on with files that an earlier process had received. Throws when `folder` cannot be used. */
  static async open(options: UploadServerOptions): Promise<UploadServer> {
    await mkdir(options.folder, { recursive: true })
    const server = new UploadServer(options)
    await server.#resume()
    return server
  }

  /** A file of so many bytes will be sent; returns the path to which. */
  async expect(vodId: string, sizeBytes: number): Promise<string> {
    const creation_date = new Date().toISOString()
    await this.#store.create(new Upload({ id: vodId, size: sizeBytes, offset: 0, creation_date }))
    // The library leaves this to its own way of creating.
    await this.#store.configstore.set(
      vodId,
      new Upload({ id: vodId, size: sizeBytes, offset: 0, creation_date }),
    )
    return `${PATH}/${vodId}`
  }

  /** `HEAD`, `PATCH`, `DELETE /uploads/:id`, of who has begun the upload; `OPTIONS` tells what the server can. */
  routes() {
    const answer = async ({ request, server }: { request: Request; server: Connection | null }) => {
      if (request.method === 'POST')
        throw new AppError('INVALID', 'upload_not_begun', 'Begin an upload with uploads.create.')
      server?.timeout(request, IDLE_SECONDS)
      return this.#tus.handleWeb(request as never)
    }
    return new Elysia({ name: 'uploads' })
      .all(PATH, answer, { parse: 'none' })
      .all(`${PATH}/*`, answer, { parse: 'none' })
  }

  /** A file that is being cut is cut anew at the next start. Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#sweeping)
    this.#closing.abort(new Error('this process stops'))
    await this.#work
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #check(request: Request, id: string): Promise<void> {
    if (request.method === 'OPTIONS') return
    if (!ID.test(id)) throw new AppError('NOT_FOUND', 'upload_not_found', 'There is no such upload of yours.')
    await this.#options.uploads.checkSender(await this.#options.identify(request), id)
  }

  #take(vodId: string): void {
    this.#work = this.#work.then(() => this.#prepare(vodId))
  }

  async #prepare(vodId: string): Promise<void> {
    const { preparation, log, folder } = this.#options
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        await prepare({ vodId, path: join(folder, vodId) }, preparation, signal)
        return await this.#remove(vodId)
      } catch (err) {
        if (signal.aborted) return
        log.warn({ err, vodId }, 'an upload could not be cut; trying again')
        await sleep(RETRY_MS, undefined, { signal }).catch(() => {})
      }
    }
  }

  /** What is whole is taken up. */
  async #resume(): Promise<void> {
    for await (const { vodId, isWhole } of this.#received()) if (isWhole) this.#take(vodId)
  }

  /** What has not grown for a day goes. */
  async #sweep(): Promise<void> {
    for await (const { vodId, isWhole, changedAt } of this.#received())
      if (!isWhole && Date.now() - changedAt > IDLE_LIMIT_MS) await this.#expire(vodId)
  }

  async *#received(): AsyncGenerator<{ vodId: string; isWhole: boolean; changedAt: number }> {
    const { folder, log } = this.#options
    for (const vodId of (await readdir(folder)).filter(name => ID.test(name))) {
      try {
        const { offset, size } = await this.#store.getUpload(vodId)
        yield { vodId, isWhole: offset === size, changedAt: (await stat(join(folder, vodId))).mtimeMs }
      } catch (err) {
        log.warn({ err, vodId }, 'an upload cannot be read')
      }
    }
  }

  async #expire(vodId: string): Promise<void> {
    await this.#options.preparation.vods.fail(vodId, 'The file was not sent to its end within a day.')
    await this.#remove(vodId)
  }

  async #remove(vodId: string): Promise<void> {
    await this.#store
      .remove(vodId)
      .catch(err => this.#options.log.warn({ err, vodId }, 'a received file stays'))
  }
}

function describe(error: Error | { status_code: number; body: string }) {
  if (!(error instanceof AppError)) return undefined
  return { status_code: error.status, body: error.message }
}
