/** Compares what is written down of VODs with what is stored of them, and changes nothing. */
import type { ObjectInfo, ObjectKey, ObjectStore } from '../storage/object-store.ts'
import type { Manifest, VodEntry } from './manifest.ts'
import { framesPrefix, segmentKey, storyboardKey, vodPrefix } from './object-keys.ts'
import type { VodStatus } from './repository.ts'
import type { StoredVods } from './stored-vods.ts'

/**
 * `missing`: a segment has no object; `damaged`: its object is not what was stored; `orphan`: an object is of no segment,
 * or of no VOD; `pictures`: sheets for seeking are missing; `totals`: the VOD's duration or size is not that of its
 * segments.
 */
export type ProblemKind = 'missing' | 'damaged' | 'orphan' | 'pictures' | 'totals'

export interface Problem {
  readonly kind: ProblemKind
  readonly vodId: string
  /** What is wrong, for a person. */
  readonly detail: string
  /** Of all but `totals` and `pictures`. */
  readonly key?: ObjectKey
  /** Of `missing` and `damaged`. */
  readonly segment?: Pick<VodEntry, 'rendition' | 'sequence'>
}

export interface Verified {
  readonly vods: number
  /** Those that have an object, gaps not. */
  readonly segments: number
  readonly sizeBytes: number
  readonly problems: readonly Problem[]
}

export interface VerificationOptions {
  readonly store: Pick<ObjectStore, 'list' | 'find' | 'get'>
  readonly manifest: Pick<Manifest, 'entries' | 'totals'>
  readonly vods: Pick<StoredVods, 'find' | 'listIds'>
  /** Reads every object, too, and compares its SHA-256. */
  readonly withChecksums: boolean
}

const PAGE = 500
const READ_AT_ONCE = 4
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** Media of these comes and goes while it is looked at: only what is written down must be there. */
const UNSETTLED: readonly VodStatus[] = ['recording', 'processing']

export class Verification {
  readonly #options: VerificationOptions
  readonly #problems: Problem[] = []
  readonly #seen = new Set<string>()
  #segments = 0
  #sizeBytes = 0

  private constructor(options: VerificationOptions) {
    this.#options = options
  }

  /** Throws when the store or the database cannot be read. Others may go on recording and deleting meanwhile. */
  static async run(options: VerificationOptions): Promise<Verified> {
    const verification = new Verification(options)
    await verification.#run()
    return {
      vods: verification.#seen.size,
      segments: verification.#segments,
      sizeBytes: verification.#sizeBytes,
      problems: verification.#problems,
    }
  }

  async #run(): Promise<void> {
    const { store, vods } = this.#options
    for await (const { vodId, objects } of byVod(store.list('vods/'))) await this.#check(vodId, objects)
    let after: string | undefined
    for (;;) {
      const ids = await vods.listIds(after, PAGE)
      for (const id of ids) if (!this.#seen.has(id)) await this.#check(id, new Map())
      after = ids.at(-1)
      if (ids.length < PAGE) break
    }
    for await (const { vodId, objects } of byVod(store.list('uploads/')))
      await this.#checkUpload(vodId, objects)
  }

  /** What is written down is read after the objects were listed: a row that is there by then has its object. */
  async #check(vodId: string, objects: Map<ObjectKey, number>): Promise<void> {
    const { manifest, vods } = this.#options
    const vod = await vods.find(vodId)
    if (!vod) return this.#addOrphans(vodId, objects.keys(), 'of no video')
    this.#seen.add(vodId)
    // A job removes them.
    if (vod.status === 'deleted') return
    const entries = await manifest.entries(vodId)
    for (let i = 0; i < entries.length; i += READ_AT_ONCE)
      await Promise.all(entries.slice(i, i + READ_AT_ONCE).map(entry => this.#checkSegment(entry, objects)))
    for (const entry of entries) if (!entry.isGap) objects.delete(segmentKey(entry))
    await this.#checkPictures(vodId, vod.storyboard, objects)
    if (UNSETTLED.includes(vod.status)) return
    this.#addOrphans(vodId, objects.keys(), 'of no segment')
    if (vod.status === 'ready') await this.#checkTotals(vodId, vod)
  }

  async #checkSegment(entry: VodEntry, objects: ReadonlyMap<ObjectKey, number>): Promise<void> {
    if (entry.isGap) return
    const key = segmentKey(entry)
    this.#segments++
    this.#sizeBytes += entry.sizeBytes
    // One that came after the list is not in it.
    const size = objects.get(key) ?? (await this.#options.store.find(key))?.sizeBytes
    const problem = { vodId: entry.vodId, key, segment: entry }
    if (size === undefined) this.#problems.push({ ...problem, kind: 'missing', detail: 'not stored' })
    else if (size !== entry.sizeBytes) {
      const detail = `${size} bytes instead of ${entry.sizeBytes}`
      this.#problems.push({ ...problem, kind: 'damaged', detail })
    } else if (this.#options.withChecksums && (await this.#checksumOf(key)) !== entry.checksum)
      this.#problems.push({ ...problem, kind: 'damaged', detail: 'other content than was stored' })
  }

  async #checksumOf(key: ObjectKey): Promise<string | undefined> {
    const object = await this.#options.store.get(key)
    return object && new Bun.CryptoHasher('sha256').update(await object.bytes()).digest('hex')
  }

  /** Those that are known are taken out of `objects`: what is left is an orphan. */
  async #checkPictures(
    vodId: string,
    storyboard: { pictures: number; columns: number; rows: number } | null,
    objects: Map<ObjectKey, number>,
  ): Promise<void> {
    const sheets = storyboard ? Math.ceil(storyboard.pictures / (storyboard.columns * storyboard.rows)) : 0
    const keys = Array.from({ length: sheets }, (_, sheet) => storyboardKey(vodId, sheet))
    const missing: ObjectKey[] = []
    for (const key of keys) if (!objects.has(key) && !(await this.#options.store.find(key))) missing.push(key)
    if (missing.length > 0) {
      const detail = `${missing.length} of ${sheets} sheets for seeking are not stored`
      this.#problems.push({ kind: 'pictures', vodId, detail })
    }
    // A job may just be making them.
    for (const key of objects.keys())
      if (key.startsWith(framesPrefix(vodId)) || key.startsWith(`${vodPrefix(vodId)}storyboard-`))
        objects.delete(key)
  }

  async #checkTotals(
    vodId: string,
    vod: { readonly durationMs: number | null; readonly sizeBytes: number },
  ): Promise<void> {
    const { durationMs, sizeBytes } = await this.#options.manifest.totals(vodId)
    const wrong = [
      ...(vod.durationMs === durationMs ? [] : [`${vod.durationMs} ms instead of ${durationMs}`]),
      ...(vod.sizeBytes === sizeBytes ? [] : [`${vod.sizeBytes} bytes instead of ${sizeBytes}`]),
    ]
    if (wrong.length > 0) this.#problems.push({ kind: 'totals', vodId, detail: wrong.join(', ') })
  }

  /** What a file was split into serves as long as it is made into a VOD. */
  async #checkUpload(vodId: string, objects: ReadonlyMap<ObjectKey, number>): Promise<void> {
    const vod = await this.#options.vods.find(vodId)
    if (vod?.status === 'processing' || vod?.status === 'deleted') return
    this.#addOrphans(vodId, objects.keys(), 'left by an upload')
  }

  #addOrphans(vodId: string, keys: Iterable<ObjectKey>, detail: string): void {
    for (const key of keys) this.#problems.push({ kind: 'orphan', vodId, key, detail })
  }
}

/** Objects of one VOD follow each other in a list. What is not named after one is somebody else's. */
async function* byVod(
  objects: AsyncIterable<ObjectInfo>,
): AsyncGenerator<{ vodId: string; objects: Map<ObjectKey, number> }> {
  let group: { vodId: string; objects: Map<ObjectKey, number> } | undefined
  for await (const { key, sizeBytes } of objects) {
    const vodId = key.split('/')[1] ?? ''
    if (!UUID.test(vodId)) continue
    if (group?.vodId !== vodId) {
      if (group) yield group
      group = { vodId, objects: new Map() }
    }
    group.objects.set(key, sizeBytes)
  }
  if (group) yield group
}
