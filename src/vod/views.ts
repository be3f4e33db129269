/** Who has watched what, how far and how often: one person counts once a day. */
import { createHash } from 'node:crypto'
import { and, eq, lt, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { vodPositions, vods, vodViews } from '../db/vod-schema.ts'

/** Whoever has neither is not counted. */
export interface Watcher {
  readonly accountId: string | undefined
  /** Of a browser. */
  readonly viewerKey: string | undefined
}

const DAY_MS = 86_400_000
/** Whoever stops so shortly before the end has seen it: the next time begins anew. */
const END_MS = 15_000
const END_SHARE = 0.95
/** What was watched for less is no view. */
const MIN_WATCHED_MS = 5_000

export class Views {
  readonly #db: Db
  readonly #now: () => number

  /** `now`: milliseconds since the epoch. */
  constructor(db: Db, now: () => number = Date.now) {
    this.#db = db
    this.#now = now
  }

  /** Somebody has got so far in a VOD of this length. */
  async watched(
    vod: { readonly id: string; readonly durationMs: number | null },
    watcher: Watcher,
    positionMs: number,
  ): Promise<void> {
    const { accountId } = watcher
    if (accountId !== undefined) await this.#keepPosition(vod, accountId, positionMs)
    const viewer = viewerOf(watcher)
    const isView = positionMs >= Math.min(MIN_WATCHED_MS, (vod.durationMs ?? 0) / 2)
    if (viewer !== undefined && isView) await this.#count(vod.id, viewer)
  }

  /** Where the account stopped watching; 0: at the beginning, or at the end. */
  async position(vodId: string, accountId: string): Promise<number> {
    const [row] = await this.#db
      .select({ positionMs: vodPositions.positionMs })
      .from(vodPositions)
      .where(and(eq(vodPositions.vodId, vodId), eq(vodPositions.accountId, accountId)))
    return row?.positionMs ?? 0
  }

  /** Days that are over count no more. */
  async forgetOld(): Promise<void> {
    await this.#db.delete(vodViews).where(lt(vodViews.day, this.#day()))
  }

  async #keepPosition(
    { id: vodId, durationMs }: { readonly id: string; readonly durationMs: number | null },
    accountId: string,
    positionMs: number,
  ): Promise<void> {
    const isOver = durationMs !== null && positionMs >= Math.max(durationMs * END_SHARE, durationMs - END_MS)
    const values = { positionMs: isOver ? 0 : positionMs, updatedAt: new Date(this.#now()) }
    await this.#db
      .insert(vodPositions)
      .values({ accountId, vodId, ...values })
      .onConflictDoUpdate({ target: [vodPositions.accountId, vodPositions.vodId], set: values })
  }

  /** In one statement, so that two requests of one person at once count once. */
  async #count(vodId: string, viewer: string): Promise<void> {
    const isNew = this.#db
      .$with('is_new')
      .as(
        this.#db
          .insert(vodViews)
          .values({ vodId, viewer, day: this.#day() })
          .onConflictDoNothing()
          .returning({ vodId: vodViews.vodId }),
      )
    await this.#db
      .with(isNew)
      .update(vods)
      .set({ viewCount: sql`${vods.viewCount} + 1` })
      .where(and(eq(vods.id, vodId), sql`exists (select 1 from ${isNew})`))
  }

  #day(): number {
    return Math.floor(this.#now() / DAY_MS)
  }
}

/** A browser's key is not stored as it is: whoever has it is taken for its owner. */
function viewerOf({ accountId, viewerKey }: Watcher): string | undefined {
  if (accountId !== undefined) return accountId
  return viewerKey === undefined ? undefined : createHash('sha256').update(viewerKey).digest('hex')
}
