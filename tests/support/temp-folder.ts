/** Gives a test a folder of its own, and takes it away again. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TempFolder extends AsyncDisposable {
  /** Absolute path. */
  readonly path: string
  /** Removes the folder with everything in it. Idempotent. */
  remove(): Promise<void>
}

const ATTEMPTS = 20
const RETRY_MS = 100

/** Makes an empty folder: `await using folder = await tempFolder()`. */
export async function tempFolder(prefix = 'sluice-test-'): Promise<TempFolder> {
  const path = await mkdtemp(join(tmpdir(), prefix))
  const remove = () => removeFolder(path)
  return { path, remove, [Symbol.asyncDispose]: remove }
}

/** A process that is just ending may still write files, or take some away, while they are removed. */
async function removeFolder(path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const failure = await rm(path, { recursive: true, force: true }).catch((error: Error) => error)
    if (!existsSync(path)) return
    if (attempt === ATTEMPTS) throw new Error(`${path} could not be removed`, { cause: failure })
    await Bun.sleep(RETRY_MS)
  }
}
