/** A channel's rules for texts that stand elsewhere than in its chat: who may write, and what becomes of it. */
import type { Db } from '../db/database.ts'
import type { Chatter, Standing } from './chat.ts'
import type { Role } from './events.ts'
import { checkEntry, type Verdict } from './gate.ts'
import type { ActionName, Actor } from './records.ts'
import type { RoomAccess } from './room-access.ts'
import { FloodGuard } from './rules/flood.ts'
import { normalizeText, type TextForm } from './rules/text.ts'

/** What is written below a video is read for longer than what is said in a chat: a few a minute are enough. */
const COMMENT_PACE = { burst: 5, perSecond: 0.1, duplicateMs: 600_000 }
const commentForm: TextForm = { name: 'comment', maxGraphemes: 2_000, maxBytes: 32_768, hasLines: true }

export type Writer = Pick<Chatter, 'account' | 'address'>

/** What somebody is in a channel. */
export interface WriterStanding extends Standing {
  readonly isBanned: boolean
}

/** What was done to a text that stands elsewhere. */
export interface TextAction {
  readonly action: ActionName & ('delete' | 'hold' | 'approve' | 'reject')
  /** Null: the rules did it by themselves. */
  readonly actor: Actor | null
  /** Who wrote it. */
  readonly target: Actor
  readonly reason?: string | undefined
  /** Where it is. */
  readonly details: Readonly<Record<string, unknown>>
}

/** Every method throws `AppError` NOT_FOUND (`channel_not_found`), LIMIT (`busy`). */
export class TextRules {
  readonly #access: RoomAccess
  /** Of all channels, as rooms close when nobody is there. */
  readonly #flood = new FloodGuard({ pace: COMMENT_PACE })

  constructor(options: { access: RoomAccess }) {
    this.#access = options.access
  }

  async standing(slug: string, writer: Writer): Promise<WriterStanding> {
    return this.#access.in(slug, async room => {
      const { username, badges, isModerator, timedOutUntil, isBanned } = await room.standings.of(writer)
      return { username, badges, isModerator, timedOutUntil, isBanned }
    })
  }

  /** By account id; who is nothing particular is not there. */
  async badges(slug: string, accountIds: readonly string[]): Promise<Map<string, readonly Role[]>> {
    if (accountIds.length === 0) return new Map()
    return this.#access.in(slug, async room => {
      const of = async (id: string) => {
        const { badges } = await room.standings.of({ account: { id, username: '' }, address: '' })
        return [id, badges] as const
      }
      const found = await Promise.all([...new Set(accountIds)].map(of))
      return new Map(found.filter(([, badges]) => badges.length > 0))
    })
  }

  /**
   * What a comment may say of what was typed, and what becomes of it. One that is new counts for its author's pace; an
   * edit does not. Throws `AppError` INVALID (`chat_text_empty`, `chat_text_too_long`), FORBIDDEN (`chat_banned`,
   * `chat_timed_out`, `chat_followers_only`, `chat_link_refused`, `chat_word_refused`), LIMIT (`chat_flood`,
   * `chat_duplicate`).
   */
  async judge(
    slug: string,
    writer: Writer,
    { text: raw, isEdit }: { text: string; isEdit: boolean },
  ): Promise<{ text: string; verdict: Verdict }> {
    const text = normalizeText(raw, commentForm)
    return this.#access.in(slug, async room => {
      const rank = await room.standings.of(writer)
      const now = this.#access.time.getTime()
      const check = (key: string) => this.#flood.check(`${room.channelId} ${key}`, text, now)
      return { text, verdict: room.gate.judgeElsewhere(rank, text, now, isEdit ? undefined : check) }
    })
  }

  /**
   * Whether something that somebody made may be shown with this title. Throws `AppError` FORBIDDEN (`chat_banned`,
   * `chat_timed_out`, `chat_link_refused`, `chat_word_refused`).
   */
  async judgeTitle(slug: string, writer: Writer, title: string): Promise<'show' | 'hide'> {
    return this.#access.in(slug, async room => {
      const rank = await room.standings.of(writer)
      return room.gate.judgeTitle(rank, title, this.#access.time.getTime())
    })
  }

  /** Throws `AppError` FORBIDDEN (`chat_banned`) for who is out of the channel. */
  async checkEntry(slug: string, writer: Writer): Promise<void> {
    await this.#access.in(slug, async room => checkEntry(await room.standings.of(writer)))
  }

  /** Throws `AppError` FORBIDDEN (`not_moderator`). Answers the channel's id. */
  async checkModerator(slug: string, actor: Actor): Promise<string> {
    return this.#access.asModerator(actor, slug, async room => room.channelId)
  }

  /** Throws `AppError` FORBIDDEN (`not_moderator`, `target_protected`). */
  async checkTarget(slug: string, actor: Actor, accountId: string): Promise<void> {
    await this.#access.in(slug, room => this.#access.checkTarget(room, actor, accountId))
  }

  /** Notes in the channel's log what was done; `perform` does it in the same transaction, or throws. */
  async act(slug: string, done: TextAction, perform: (tx: Db) => Promise<void>): Promise<void> {
    const { action, actor, target, reason, details } = done
    await this.#access.in(slug, async room => {
      await room.act({
        ...this.#access.said(action, actor, reason),
        ...{ targetId: target.id, targetName: target.username, details, isPlaced: false },
        effects: [{ type: 'elsewhere', perform }],
      })
      if (action === 'approve') room.standings.markSpoken(target.id)
    })
  }

  /** Something of the account is shown: it is no stranger any more. */
  async heard(slug: string, accountId: string): Promise<void> {
    await this.#access.in(slug, async room => room.standings.markSpoken(accountId))
  }
}
