/** Keeps objects as files of a folder: a key is the path below it. */
import { type Dirent, statSync } from 'node:fs'
import {
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkKey, checkPrefix, isKeyPart } from './object-key.ts'
import type { ByteRange, ObjectInfo, ObjectKey, ObjectStore, StoredObject } from './object-store.ts'

/** What is being written lies here, on the same file system and where no key leads. */
const DRAFTS = '.drafts'
/** Nobody writes one object for so long: who began it is dead. */
const ABANDONED_AFTER_MS = 86_400_000
/** A folder that was made may be gone again before it is used, when the last object beside is deleted just then. */
const ATTEMPTS = 10
const DELETED_AT_ONCE = 16
const LOOKED_UP_AT_ONCE = 64

export class DirectoryStore implements ObjectStore {
  readonly #root: string
  readonly #drafts: string
  #isClosed = false

  private constructor(root: string) {
    this.#root = root
    this.#drafts = join(root, DRAFTS)
  }

  /** Makes the folder when it is not there, and clears away what dead processes left half-written. */
  static async open(root: string): Promise<DirectoryStore> {
    const store = new DirectoryStore(root)
    await mkdir(store.#drafts, { recursive: true })
    for (const name of await readdir(store.#drafts)) {
      // A draft begins with its time: the file system's may be that of the file it was linked from.
      if (Date.now() - Number.parseInt(name, 10) > ABANDONED_AFTER_MS)
        await rm(join(store.#drafts, name), { force: true })
    }
    return store
  }

  async put(key: ObjectKey, content: Uint8Array | { readonly path: string }): Promise<void> {
    const path = this.#pathOf(key)
    const draft = join(this.#drafts, `${Date.now()}-${crypto.randomUUID()}`)
    try {
      if (content instanceof Uint8Array) await writeFile(draft, content, { flag: 'wx' })
      else await linkOrCopy(content.path, draft)
      await sync(draft)
      await this.#move(draft, path)
    } finally {
      // Also when all went well: rename(2) does nothing when both names are of one file, put a second time.
      await rm(draft, { force: true })
    }
  }

  async get(key: ObjectKey, range?: ByteRange): Promise<StoredObject | undefined> {
    const path = this.#pathOf(key)
    const size = sizeNow(path)
    if (size === undefined) return undefined
    const start = Math.min(range?.start ?? 0, size)
    const end = Math.max(start, Math.min(range?.end ?? size, size))
    // A whole file is not cut to the size it had: it may be another one by the time that it is read.
    const file = Bun.file(path)
    const body = end - start === size ? file : end === start ? new Blob([]) : file.slice(start, end)
    return {
      sizeBytes: end - start,
      body,
      bytes: async () => new Uint8Array(await body.arrayBuffer()),
    }
  }

  async find(key: ObjectKey): Promise<ObjectInfo | undefined> {
    const sizeBytes = await sizeOf(this.#pathOf(key))
    return sizeBytes === undefined ? undefined : { key, sizeBytes }
  }

  async delete(keys: readonly ObjectKey[]): Promise<void> {
    const paths = keys.map(key => this.#pathOf(key))
    for (let i = 0; i < paths.length; i += DELETED_AT_ONCE)
      await Promise.all(paths.slice(i, i + DELETED_AT_ONCE).map(path => unlink(path).catch(ignoreMissing)))
    for (const folder of new Set(paths.map(path => dirname(path)))) await this.#removeEmpty(folder)
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    this.#checkOpen()
    checkPrefix(prefix)
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    yield* this.#listFolder(folder, prefix)
  }

  async presign(key: ObjectKey): Promise<undefined> {
    this.#pathOf(key)
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #pathOf(key: ObjectKey): string {
    this.#checkOpen()
    checkKey(key)
    return join(this.#root, key)
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new Error('the object store is closed')
  }

  /** Its new name is durable too: whoever put the object removes his own copy then. */
  async #move(draft: string, path: string): Promise<void> {
    const firstMade = await this.#rename(draft, path)
    const folder = dirname(path)
    await sync(folder).catch(ignoreMissing)
    // A new folder is a new name in the one above it.
    if (firstMade !== undefined)
      for (let made = folder; made.length >= firstMade.length; made = dirname(made))
        await sync(dirname(made)).catch(ignoreMissing)
  }

  /** Returns the uppermost folder that had to be made for it. */
  async #rename(draft: string, path: string): Promise<string | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        const firstMade = await mkdir(dirname(path), { recursive: true })
        await rename(draft, path)
        return firstMade
      } catch (error) {
        if (codeOf(error) !== 'ENOENT' || attempt === ATTEMPTS) throw error
      }
    }
  }

  async #removeEmpty(folder: string): Promise<void> {
    for (let each = folder; each.length > this.#root.length; each = dirname(each)) {
      // Not empty, gone already, or not a folder at all: nothing above it is empty then, or somebody else sees to it.
      const isRemoved = await rmdir(each).then(
        () => true,
        () => false,
      )
      if (!isRemoved) return
    }
  }

  /** `folder` ends with a slash, or is empty. Only one folder of each level is in memory at a time. */
  async *#listFolder(folder: string, prefix: string): AsyncGenerator<ObjectInfo> {
    const entries = await readdir(join(this.#root, folder), { withFileTypes: true }).catch(ignoreMissing)
    const names = (entries ?? [])
      .map(keyPart)
      .filter(name => name !== undefined && isWanted(folder + name, prefix))
    // Of `a/` and `a-b`, the second comes first in the order of keys.
    names.sort()
    for (let i = 0; i < names.length; i += LOOKED_UP_AT_ONCE) {
      const some = names.slice(i, i + LOOKED_UP_AT_ONCE).map(name => folder + name)
      const sizes = await Promise.all(
        some.map(key => (key.endsWith('/') ? undefined : sizeOf(join(this.#root, key)))),
      )
      for (const [index, key] of some.entries()) {
        const sizeBytes = sizes[index]
        if (key.endsWith('/')) yield* this.#listFolder(key, prefix)
        else if (sizeBytes !== undefined) yield { key, sizeBytes }
      }
    }
  }
}

/** A folder ends with a slash. Undefined: no object is there or below. */
function keyPart(entry: Dirent): string | undefined {
  if (!isKeyPart(entry.name)) return undefined
  if (entry.isDirectory()) return `${entry.name}/`
  return entry.isFile() ? entry.name : undefined
}

function isWanted(path: string, prefix: string): boolean {
  return path.startsWith(prefix) || (path.endsWith('/') && prefix.startsWith(path))
}

/** The file's content gets a second name, which costs nothing; where that cannot be, it is copied. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw error
    await copyFile(from, to)
  }
}

/** A file's content, or a folder's names, are on the disk afterwards. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Asks at once: another thread would take longer to hear of it than the file system takes to answer, and Bun opens the
 * file that it sends in the same way.
 */
function sizeNow(path: string): number | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found?.isFile() ? found.size : undefined
}

async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(ignoreMissing)
  return found?.isFile() ? found.size : undefined
}

function ignoreMissing(error: unknown): undefined {
  if (!MISSING.has(codeOf(error))) throw error
}

/** Also a key below an object, or one that is a folder: neither is an object. */
const MISSING = new Set(['ENOENT', 'ENOTDIR', 'EISDIR'])

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code)
}
