/** Hides where the server's one secret comes from and how every other key is derived from it. */
import { hkdfSync, randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const MIN_SECRET_CHARS = 32

/** What a key is for; each purpose has a key of its own. */
export type KeyPurpose = 'access-token' | 'stream-key' | 'chat-ticket' | 'chat-guest' | 'playback'

/** AUTH_SECRET, or what was generated once into `dataDir`/auth-secret (mode 0600). */
export async function loadSecret(config: {
  authSecret: string | undefined
  dataDir: string
}): Promise<string> {
  if (config.authSecret !== undefined) return config.authSecret
  const path = join(config.dataDir, 'auth-secret')
  await mkdir(config.dataDir, { recursive: true })
  const generated = await createOnce(path, randomBytes(32).toString('base64url'))
  const secret = generated ?? (await readFile(path, 'utf8')).trim()
  if (secret.length < MIN_SECRET_CHARS)
    throw new Error(`${path} is damaged. Put the secret back, or set AUTH_SECRET to what it was.`)
  return secret
}

/** 32 bytes, RFC 5869 with SHA-256. */
export function deriveKey(secret: string, purpose: KeyPurpose): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `sluice ${purpose}`, 32))
}

/** Undefined when the file is there already. It appears whole or not at all, whoever starts or dies meanwhile. */
async function createOnce(path: string, content: string): Promise<string | undefined> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await writeFile(draft, content, { flag: 'wx', mode: 0o600 })
    await link(draft, path)
    return content
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}
