/** Mends what a verification has found: players are told of what is lost, and what nobody needs is removed. */
import type { ObjectStore } from '../storage/object-store.ts'
import type { Manifest } from './manifest.ts'
import { segmentKey } from './object-keys.ts'
import type { StoredVods } from './stored-vods.ts'
import type { Problem, Verified } from './verification.ts'

export interface RepairOptions {
  readonly store: Pick<ObjectStore, 'find' | 'delete'>
  readonly manifest: Pick<Manifest, 'markGap' | 'totals' | 'findEntry'>
  readonly vods: Pick<StoredVods, 'find' | 'correct'>
  /** Has a job make the pictures of a VOD again. */
  readonly makePictures: (vodId: string) => Promise<void>
  /** Also when most of what is written down is not there. */
  readonly isForced: boolean
  /** Until what is just being stored is written down; default 10,000. */
  readonly settleMs?: number
}

const SETTLE_MS = 10_000
const DELETED_AT_ONCE = 500
/** A few segments may all be lost. */
const FEW = 20

/**
 * Mends everything; again, it goes on where it stopped. Throws and changes nothing when most segments are lost: that is
 * more often the wrong bucket or folder.
 */
export async function repair(verified: Verified, options: RepairOptions): Promise<void> {
  const { problems, segments } = verified
  const lost = problems.filter(({ kind }) => kind === 'missing' || kind === 'damaged')
  if (lost.length > FEW && lost.length * 2 > segments && !options.isForced)
    throw new Error(
      `${lost.length} of ${segments} segments are lost: is it the right place (DATA_DIR, S3_BUCKET)? ` +
        'Nothing was changed; --force mends all the same.',
    )
  for (const problem of lost) await giveUp(problem, options)
  const orphans = problems.filter(({ kind }) => kind === 'orphan')
  if (orphans.length > 0) await removeOrphans(orphans, options)
  for (const { vodId } of problems.filter(({ kind }) => kind === 'pictures'))
    await options.makePictures(vodId)
  const touched = problems.filter(({ kind }) => kind !== 'orphan' && kind !== 'pictures')
  for (const vodId of new Set(touched.map(each => each.vodId))) await recount(vodId, options)
}

/** First no player looks for it any more, then it goes: whatever dies in between, an orphan is left, and no lie. */
async function giveUp({ kind, vodId, segment }: Problem, options: RepairOptions): Promise<void> {
  const { store, manifest } = options
  const { rendition, sequence } = segment!
  const key = segmentKey({ vodId, rendition, sequence })
  // It may have been stored again meanwhile, by the machine that has it.
  if (kind === 'missing' && (await store.find(key))) return
  await manifest.markGap(vodId, rendition, sequence)
  if (kind === 'damaged') await store.delete([key])
}

/** Objects are stored before they are written down, so each gets the time for that. */
async function removeOrphans(orphans: readonly Problem[], options: RepairOptions): Promise<void> {
  const { store, settleMs = SETTLE_MS } = options
  await Bun.sleep(settleMs)
  let keys: string[] = []
  for (const orphan of orphans) {
    if (await isNeeded(orphan, options)) continue
    keys.push(orphan.key!)
    if (keys.length < DELETED_AT_ONCE) continue
    await store.delete(keys)
    keys = []
  }
  await store.delete(keys)
}

async function isNeeded({ vodId, key }: Problem, { manifest, vods }: RepairOptions): Promise<boolean> {
  const [, rendition, sequence] = /^vods\/[^/]+\/([^/]+)\/(\d+)\.m4s$/.exec(key!) ?? []
  if (rendition === undefined) return false
  if (!(await vods.find(vodId))) return false
  const entry = await manifest.findEntry(vodId, rendition, Number(sequence))
  return entry !== undefined && !entry.isGap
}

async function recount(vodId: string, { manifest, vods }: RepairOptions): Promise<void> {
  const vod = await vods.find(vodId)
  if (vod?.status !== 'ready') return
  const { durationMs, sizeBytes } = await manifest.totals(vodId)
  await vods.correct(vodId, { durationMs, sizeBytes })
}
