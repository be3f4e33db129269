/** Folders for files that are on their way, in the system's temporary folder. */
import { mkdtempSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const OWNER = /^sluice-work-(\d+)-/
/** Names of this process's: in a container, the one that was killed had the same id. */
const own = new Set<string>()

/** Gone once it is disposed of. */
export interface WorkingFolder extends AsyncDisposable {
  readonly path: string
}

/** A new, empty one. What a process that was killed has left is removed on the way. */
export async function openWorkingFolder(): Promise<WorkingFolder> {
  await removeAbandoned()
  // At once, so that none of this process's is ever there unnamed.
  const path = mkdtempSync(join(tmpdir(), `sluice-work-${process.pid}-`))
  own.add(basename(path))
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true })
      own.delete(basename(path))
    },
  }
}

async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(OWNER.exec(name)?.[1])
    if (Number.isNaN(pid) || own.has(name) || (pid !== process.pid && isRunning(pid))) continue
    // Another user's cannot be removed, and need not be.
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {})
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
