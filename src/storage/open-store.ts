/** Chooses where media is stored, and finds out at the start whether that place can be used. */
import type { Config } from '../config.ts'
import type { Log } from '../log.ts'
import { DirectoryStore } from './directory-store.ts'
import type { ObjectStore } from './object-store.ts'
import { S3Store } from './s3-store.ts'

export interface OpenStoreOptions {
  readonly s3: Config['s3']
  /** Absolute path; used without S3. */
  readonly directory: string
  readonly log: Log
  /** How long S3 may take before it counts as away; default 15,000. */
  readonly timeoutMs?: number
}

/**
 * Throws an error that names the variable to change when the place cannot be written and read. A bucket that does not
 * answer is only warned of: what is live goes on without it, and what is recorded waits for it.
 */
export async function openStore(options: OpenStoreOptions): Promise<ObjectStore> {
  const { s3, directory, log } = options
  if (s3 === undefined) return openDirectory(directory)
  const store = new S3Store({ ...s3, ...(options.timeoutMs && { timeoutMs: options.timeoutMs }) })
  try {
    await prove(store)
  } catch (cause) {
    const variables = variablesBehind(cause)
    const place = `The bucket ${s3.bucket} at ${s3.endpoint ?? `Amazon S3 (${s3.region})`}`
    if (variables === undefined) {
      log.warn(
        { err: cause },
        `${place} does not answer now (see S3_ENDPOINT); what is recorded waits for it`,
      )
      return store
    }
    await store.close()
    throw new Error(`${place} cannot be written and read (see ${variables}): ${say(cause)}`, { cause })
  }
  return store
}

async function openDirectory(directory: string): Promise<ObjectStore> {
  try {
    const store = await DirectoryStore.open(directory)
    await prove(store)
    return store
  } catch (cause) {
    const problem = `The folder ${directory} cannot be written and read (DATA_DIR says where): ${say(cause)}`
    throw new Error(problem, { cause })
  }
}

async function prove(store: ObjectStore): Promise<void> {
  const key = `probe/${crypto.randomUUID()}`
  const content = crypto.getRandomValues(new Uint8Array(64))
  await store.put(key, content)
  const found = await (await store.get(key))?.bytes()
  await store.delete([key])
  if (!found || !Buffer.from(content).equals(found)) throw new Error('what was written is not what is read')
}

/** By the name that S3 gives its error. */
const VARIABLES: Record<string, string> = {
  NoSuchBucket: 'S3_BUCKET',
  InvalidBucketName: 'S3_BUCKET',
  AccessDenied: 'S3_BUCKET and S3_ACCESS_KEY_ID',
  InvalidAccessKeyId: 'S3_ACCESS_KEY_ID',
  SignatureDoesNotMatch: 'S3_SECRET_ACCESS_KEY',
  CredentialsProviderError: 'S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY',
  AuthorizationHeaderMalformed: 'S3_REGION',
  PermanentRedirect: 'S3_REGION',
  IllegalLocationConstraintException: 'S3_REGION',
}

/** Undefined: S3 could not be reached or has a problem of its own, which may pass. */
function variablesBehind(error: unknown): string | undefined {
  const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } }
  const status = $metadata?.httpStatusCode
  if (Object.hasOwn(VARIABLES, name)) return VARIABLES[name]
  if (status !== undefined && status < 500 && status !== 408 && status !== 429)
    return 'S3_ENDPOINT and S3_BUCKET'
  return undefined
}

function say(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message && error.message !== error.name ? `${error.name}: ${error.message}` : error.name
}
