/** Folders for files that are on their way, in the system's temporary folder. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const OWNER = /^sluice-work-(\d+)-/

/** Gone once it is disposed of. */
export interface WorkingFolder extends AsyncDisposable {
  readonly path: string
}

/** A new, empty one. What a process that was killed has left goes with it. */
export async function openWorkingFolder(): Promise<WorkingFolder> {
  await removeAbandoned()
  const path = await mkdtemp(join(tmpdir(), `sluice-work-${process.pid}-`))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = OWNER.exec(name)?.[1]
    if (pid === undefined || isRunning(Number(pid))) continue
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
