/** Gives a test a folder of its own, and takes it away again. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TempFolder extends AsyncDisposable {
  /** Absolute path. */
  readonly path: string
  /** Removes the folder with everything in it. Idempotent. */
  remove(): Promise<void>
}

/** Makes an empty folder: `await using folder = await tempFolder()`. */
export async function tempFolder(prefix = 'sluice-test-'): Promise<TempFolder> {
  const path = await mkdtemp(join(tmpdir(), prefix))
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  return { path, remove, [Symbol.asyncDispose]: remove }
}
