/** Keeps a second process away from a folder that only one may use, without a trace of a process that died. */
import { Database } from 'bun:sqlite'

/** Held until it is disposed, or until this process ends in any way. */
export interface FolderLock extends Disposable {
  /** Idempotent. */
  release(): void
}

/** Undefined: another process, or this one, holds it. `file` is made when it is not there, and stays. */
export function lockFolder(file: string): FolderLock | undefined {
  // The kernel gives SQLite's locks back when a process dies; Bun offers none of its own.
  const holder = new Database(file, { create: true })
  const release = () => holder.close()
  try {
    holder.run('PRAGMA journal_mode = MEMORY')
    holder.run('BEGIN EXCLUSIVE')
    return { release, [Symbol.dispose]: release }
  } catch (error) {
    release()
    if ((error as { code?: unknown }).code === 'SQLITE_BUSY') return undefined
    throw error
  }
}
