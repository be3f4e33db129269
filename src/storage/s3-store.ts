/** Keeps objects in a bucket of S3, or of a service that speaks as S3 does. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { checkKey, checkPrefix } from './object-key.ts'
import type {
  ByteRange,
  ObjectInfo,
  ObjectKey,
  ObjectStore,
  PutOptions,
  StoredObject,
} from './object-store.ts'
import { guardedStream } from './s3-stream.ts'

export interface S3StoreOptions {
  /** Undefined: Amazon's own. */
  readonly endpoint: string | undefined
  readonly bucket: string
  readonly region: string
  /** Undefined: as the AWS SDK finds them by itself. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
  /** Until S3 begins to answer, with the wait for a free connection, or goes on with an answer; default 15,000. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 15_000
const CONNECT_TIMEOUT_MS = 5_000
/** A link that is slower than 1 Mbit/s is as good as none. */
const SLOWEST_BYTES_PER_MS = 125
/** A connection that the other side closed while it idled is found out by the first request on it. */
const ATTEMPTS = 2
/** Viewers that read slowly hold connections of their own, and never those that recordings are stored by. */
const READ_CONNECTIONS = 64
const OTHER_CONNECTIONS = 32
/** Of a DeleteObjects request. */
const MAX_DELETED = 1_000
const MAX_EXPIRES_SECONDS = 7 * 86_400

export class S3Store implements ObjectStore {
  readonly #bucket: string
  readonly #timeoutMs: number
  readonly #reader: S3Client
  readonly #client: S3Client
  readonly #closing = new AbortController()

  /** Asks nothing of S3 yet. */
  constructor(options: S3StoreOptions) {
    this.#bucket = options.bucket
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS
    this.#reader = createClient(options, READ_CONNECTIONS)
    this.#client = createClient(options, OTHER_CONNECTIONS)
  }

  async put(
    key: ObjectKey,
    content: Uint8Array | { readonly path: string },
    { contentType = 'application/octet-stream', checksum }: PutOptions = {},
  ): Promise<void> {
    checkKey(key)
    const isBytes = content instanceof Uint8Array
    const sizeBytes = isBytes ? content.byteLength : (await stat(content.path)).size
    const body = isBytes ? content : createReadStream(content.path)
    const command = new PutObjectCommand({
      ...{ Bucket: this.#bucket, Key: key, Body: body, ContentType: contentType, ContentLength: sizeBytes },
      ...(checksum && { ChecksumSHA256: Buffer.from(checksum, 'hex').toString('base64') }),
    })
    if (checksum) signContent(command, checksum)
    try {
      await this.#limit(limits => this.#client.send(command, limits), sizeBytes / SLOWEST_BYTES_PER_MS)
    } finally {
      if ('destroy' in body) body.destroy()
    }
  }

  async get(key: ObjectKey, range?: ByteRange): Promise<StoredObject | undefined> {
    checkKey(key)
    if (range && range.end <= range.start) return (await this.find(key)) && nothing()
    const Range = range && `bytes=${range.start}-${Number.isFinite(range.end) ? range.end - 1 : ''}`
    const command = new GetObjectCommand({ Bucket: this.#bucket, Key: key, Range })
    try {
      const answer = await this.#limit(limits => this.#reader.send(command, limits))
      const source = answer.Body as Readable | undefined
      if (source === undefined || answer.ContentLength === undefined) throw new Error('S3 sent no content')
      const body = guardedStream(source, { sizeBytes: answer.ContentLength, idleMs: this.#timeoutMs })
      return { sizeBytes: answer.ContentLength, body, bytes: () => new Response(body).bytes() }
    } catch (error) {
      if (isNamed(error, 'InvalidRange')) return nothing()
      if (isNamed(error, 'NoSuchKey')) return undefined
      throw error
    }
  }

  async find(key: ObjectKey): Promise<ObjectInfo | undefined> {
    checkKey(key)
    const command = new HeadObjectCommand({ Bucket: this.#bucket, Key: key })
    try {
      const { ContentLength: sizeBytes } = await this.#limit(limits => this.#client.send(command, limits))
      if (sizeBytes === undefined) throw new Error(`S3 does not say how large ${key} is`)
      return { key, sizeBytes }
    } catch (error) {
      if (isNamed(error, 'NotFound')) return undefined
      throw error
    }
  }

  async delete(keys: readonly ObjectKey[]): Promise<void> {
    keys.forEach(checkKey)
    for (let i = 0; i < keys.length; i += MAX_DELETED) {
      const Objects = keys.slice(i, i + MAX_DELETED).map(Key => ({ Key }))
      const command = new DeleteObjectsCommand({ Bucket: this.#bucket, Delete: { Objects, Quiet: true } })
      const { Errors = [] } = await this.#limit(limits => this.#client.send(command, limits))
      const [first] = Errors.filter(each => each.Code !== 'NoSuchKey')
      if (first) throw new Error(`S3 did not delete ${first.Key}: ${first.Code} ${first.Message ?? ''}`)
    }
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    checkPrefix(prefix)
    let token: string | undefined
    do {
      const command = new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: prefix,
        ContinuationToken: token,
      })
      const page = await this.#limit(limits => this.#client.send(command, limits))
      for (const { Key: key, Size: sizeBytes = 0 } of page.Contents ?? []) if (key) yield { key, sizeBytes }
      token = page.NextContinuationToken
    } while (token !== undefined)
  }

  async presign(key: ObjectKey, expiresInSeconds: number): Promise<string> {
    checkKey(key)
    this.#closing.signal.throwIfAborted()
    const expiresIn = Math.min(Math.ceil(expiresInSeconds), MAX_EXPIRES_SECONDS)
    return getSignedUrl(this.#reader, new GetObjectCommand({ Bucket: this.#bucket, Key: key }), { expiresIn })
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the object store is closed'))
    this.#reader.destroy()
    this.#client.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Until the answer begins: that may take longer by `transferMs` for what is sent. */
  async #limit<T>(send: (limits: { abortSignal: AbortSignal }) => Promise<T>, transferMs = 0): Promise<T> {
    this.#closing.signal.throwIfAborted()
    const limitMs = Math.ceil(this.#timeoutMs + transferMs)
    const late = AbortSignal.timeout(limitMs)
    try {
      return await send({ abortSignal: AbortSignal.any([this.#closing.signal, late]) })
    } catch (cause) {
      this.#closing.signal.throwIfAborted()
      if (late.aborted) throw new Error(`S3 did not answer within ${limitMs} ms`, { cause })
      throw cause
    }
  }
}

function createClient({ endpoint, region, credentials }: S3StoreOptions, maxSockets: number): S3Client {
  const agent = { keepAlive: true, maxSockets }
  const client = new S3Client({
    region,
    // Only Amazon is sure to have a name in the DNS for every bucket.
    ...(endpoint && { endpoint, forcePathStyle: true }),
    // A copy, as the SDK writes into it, and the configuration is frozen.
    ...(credentials && { credentials: { ...credentials } }),
    maxAttempts: ATTEMPTS,
    // Every error that it would write of is thrown too.
    logger: SILENT,
    // Checksums in trailers are what services that speak as S3 most often do not know.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, httpAgent: agent, httpsAgent: agent },
  } satisfies S3ClientConfig)
  addContentMd5(client)
  return client
}

const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

/** DeleteObjects had to have a Content-MD5 before there were other checksums, and some services still ask for it. */
function addContentMd5(client: S3Client): void {
  client.middlewareStack.add(
    (next, { commandName }) =>
      args => {
        const request = args.request as { headers: Record<string, string>; body?: unknown }
        if (commandName === 'DeleteObjectsCommand' && typeof request.body === 'string')
          request.headers['content-md5'] = createHash('md5').update(request.body).digest('base64')
        return next(args)
      },
    { step: 'build', name: 'addContentMd5' },
  )
}

/** The signature covers the content without its being read for that; S3 refuses what arrives otherwise. */
function signContent(command: PutObjectCommand, checksum: string): void {
  command.middlewareStack.add(
    next => args => {
      const request = args.request as { headers: Record<string, string> }
      request.headers['x-amz-content-sha256'] = checksum
      return next(args)
    },
    { step: 'build', name: 'signContent' },
  )
}

function nothing(): StoredObject {
  return { sizeBytes: 0, body: new Blob([]), bytes: async () => new Uint8Array() }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name
}
