/**
 * Hides the files in which a recording lies until its segments are stored: each part is on disk as soon as it is made, so
 * that a process which dies loses no more than the one in flight. Below the folder, for each VOD: `RENDITION/N.m4s`, the
 * parts of a segment one behind the other; `N.json`, what is known of it; `init-N.json`, what its segments decode with.
 */
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoredTrack } from '../vod/manifest.ts'
import type { SegmentFacts } from '../vod/segment-row.ts'

/** What decoders need of a rendition, as it is stored too. */
export interface SpooledInit {
  readonly rendition: string
  readonly index: number
  readonly kind: 'source' | 'rung' | 'sound'
  readonly track: StoredTrack
  /** ftyp and moov. */
  readonly data: Uint8Array<ArrayBuffer>
}

export interface SpooledSegment {
  readonly facts: SegmentFacts
  readonly path: string
}

/** What a process that died has left of one VOD. */
export interface Leftover {
  readonly vodId: string
  readonly inits: readonly SpooledInit[]
  /** By rendition and sequence. */
  readonly segments: readonly SpooledSegment[]
}

const VOD_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const RENDITION = /^[a-z0-9_-]{1,32}$/

export class Spool {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes the folder where it is missing. */
  static async open(folder: string): Promise<Spool> {
    await mkdir(folder, { recursive: true })
    return new Spool(folder)
  }

  async addInit(vodId: string, init: SpooledInit): Promise<void> {
    const folder = await this.#renditionFolder(vodId, init.rendition)
    const data = Buffer.from(init.data).toString('base64')
    await writeWhole(join(folder, `init-${init.index}.json`), JSON.stringify({ ...init, data }))
  }

  /** For a segment that begins. */
  async begin(vodId: string, facts: SegmentFacts): Promise<SegmentFile> {
    const folder = await this.#renditionFolder(vodId, facts.rendition)
    const path = join(folder, `${facts.sequence}.m4s`)
    await writeWhole(factsPath(path), JSON.stringify(facts))
    return new SegmentFile(path, facts, await open(path, 'w'))
  }

  /** The path of a segment that is complete, whether it is still there or not. */
  pathOf(vodId: string, rendition: string, sequence: number): string {
    return join(this.#folder, vodId, rendition, `${sequence}.m4s`)
  }

  /** The VODs of which something is there. */
  async list(): Promise<string[]> {
    return (await readdir(this.#folder)).filter(name => VOD_ID.test(name))
  }

  /** What is there of one; what cannot be read is left out. */
  async read(vodId: string): Promise<Leftover> {
    return readLeftover(vodId, join(this.#folder, vodId))
  }

  /** Everything of a VOD goes. */
  async remove(vodId: string): Promise<void> {
    await rm(join(this.#folder, vodId), { recursive: true, force: true })
  }

  async #renditionFolder(vodId: string, rendition: string): Promise<string> {
    const folder = join(this.#folder, vodId, rendition)
    await mkdir(folder, { recursive: true })
    return folder
  }
}

/** A segment that grows. Its methods are called one after the other. */
export class SegmentFile {
  readonly path: string
  readonly #facts: SegmentFacts
  #handle: FileHandle | undefined

  constructor(path: string, facts: SegmentFacts, handle: FileHandle) {
    this.path = path
    this.#facts = facts
    this.#handle = handle
  }

  /** Throws when the disk does not take it; what is there then is whole but for its end. */
  async append(data: Uint8Array): Promise<void> {
    await this.#handle?.appendFile(data)
  }

  /** It is whole: what was missing of its facts is written. */
  async complete(complete: NonNullable<SegmentFacts['complete']>): Promise<void> {
    await this.#closeHandle()
    await writeWhole(factsPath(this.path), JSON.stringify({ ...this.#facts, complete }))
  }

  /** It is stored elsewhere, or lost. Idempotent. */
  async remove(): Promise<void> {
    await this.#closeHandle()
    await removeSegment(this.path)
  }

  async #closeHandle(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }
}

/** The facts last: without them it is not found any more. */
export async function removeSegment(path: string): Promise<void> {
  await rm(path, { force: true })
  await rm(factsPath(path), { force: true })
}

function factsPath(path: string): string {
  return path.replace(/m4s$/, 'json')
}

/** It appears whole or not at all, whoever dies meanwhile. */
async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

async function readLeftover(vodId: string, folder: string): Promise<Leftover> {
  const inits: SpooledInit[] = []
  const segments: SpooledSegment[] = []
  const renditions = await readdir(folder).catch(() => [])
  for (const rendition of renditions.filter(name => RENDITION.test(name)).sort()) {
    const names = await readdir(join(folder, rendition))
    for (const name of names.filter(each => /^(init-)?\d+\.json$/.test(each))) {
      const path = join(folder, rendition, name)
      const value = await readJson(path)
      if (value === undefined) continue
      if (name.startsWith('init-')) inits.push({ ...value, data: decode(value['data']) } as SpooledInit)
      else segments.push({ facts: value as unknown as SegmentFacts, path: path.replace(/json$/, 'm4s') })
    }
  }
  segments.sort((a, b) => a.facts.sequence - b.facts.sequence)
  inits.sort((a, b) => a.index - b.index)
  return { vodId, inits, segments }
}

async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}

function decode(base64: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(String(base64), 'base64'))
}
