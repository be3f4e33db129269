/** Whether a message may be said in a room, by all that the room asks of a chatter and of a text. */
import { AppError } from '../errors.ts'
import { Pace } from './pace.ts'
import { FloodGuard } from './rules/flood.ts'
import { findLinks } from './rules/links.ts'
import { WordFilter } from './rules/words.ts'
import type { RoomSettings } from './settings.ts'
import type { Rank } from './standings.ts'

/** What becomes of a message: shown, shown to its author alone, or held for this reason. */
export type Verdict = 'show' | 'hide' | { readonly hold: 'word' | 'link' | 'first_message' }

export interface GateOptions {
  readonly settings: RoomSettings
  /** When the account last spoke, on any instance. */
  readonly findLastSentAt: (accountId: string) => Promise<Date | undefined>
}

export class Gate {
  readonly #findLastSentAt: GateOptions['findLastSentAt']
  readonly #flood = new FloodGuard()
  readonly #pace = new Pace()
  #settings: RoomSettings
  #words: WordFilter

  constructor(options: GateOptions) {
    this.#findLastSentAt = options.findLastSentAt
    this.#settings = options.settings
    this.#words = new WordFilter(options.settings.blockedWords)
  }

  get settings(): RoomSettings {
    return this.#settings
  }

  set settings(settings: RoomSettings) {
    const hasWords = settings.blockedWords.join('\n') === this.#settings.blockedWords.join('\n')
    this.#settings = settings
    if (!hasWords) this.#words = new WordFilter(settings.blockedWords)
  }

  /**
   * Counts a message of `rank`, who wrote it at `now`. `undo` is for when it could not be stored. Throws `AppError`
   * FORBIDDEN (`chat_banned`, `chat_timed_out`, `chat_signed_in_only`, `chat_followers_only`, `chat_link_refused`,
   * `chat_word_refused`), LIMIT (`chat_slow_mode`, `chat_flood`, `chat_duplicate`).
   */
  async judge(rank: Rank, text: string, now: number): Promise<{ verdict: Verdict; undo: () => void }> {
    checkVoice(rank, this.#settings, now)
    if (rank.isModerator) return { verdict: 'show', undo: () => {} }
    this.#checkFollower(rank, now)
    const hold = this.#checkText(rank, text)
    const undo = await this.#checkPace(rank, text, now)
    if (rank.isShadowed) return { verdict: 'hide', undo }
    return { verdict: hold ? { hold } : 'show', undo }
  }

  /**
   * As `judge`, of a text that stands elsewhere than in the room: slow mode is for conversations, and is not asked;
   * `flood`, if there is one, is.
   */
  judgeElsewhere(rank: Rank, text: string, now: number, flood?: (key: string) => void): Verdict {
    checkVoice(rank, this.#settings, now)
    if (rank.isModerator) return 'show'
    this.#checkFollower(rank, now)
    const hold = this.#checkText(rank, text)
    flood?.(rank.accountId ?? rank.username)
    if (rank.isShadowed) return 'hide'
    return hold ? { hold } : 'show'
  }

  /**
   * The title of something that somebody made. Nobody looks at it before it is shown, so that what would be held is
   * refused. Throws as `judgeElsewhere`, but for followers and pace.
   */
  judgeTitle(rank: Rank, text: string, now: number): 'show' | 'hide' {
    checkVoice(rank, this.#settings, now)
    if (rank.isModerator) return 'show'
    const hold = this.#checkText(rank, text)
    if (hold === 'word') throw wordRefused()
    if (hold === 'link') throw linkRefused()
    return rank.isShadowed ? 'hide' : 'show'
  }

  /** Somebody was heard, wherever they spoke. */
  heard(author: { id: string | null; username: string }, at: number): void {
    if (this.#settings.slowModeSeconds > 0) this.#pace.note(author.id ?? author.username, at)
  }

  #checkFollower(rank: Rank, now: number): void {
    const { followersOnlyMinutes } = this.#settings
    if (followersOnlyMinutes === null || rank.isTrusted || rank.isSubscriber) return
    const since = rank.followedAt?.getTime() ?? Number.POSITIVE_INFINITY
    if (since + followersOnlyMinutes * 60_000 <= now) return
    const howLong = followersOnlyMinutes > 0 ? ` for ${followersOnlyMinutes} minutes` : ''
    throw new AppError(
      'FORBIDDEN',
      'chat_followers_only',
      `Only who has followed the channel${howLong} may speak.`,
    )
  }

  #checkText(rank: Rank, text: string): 'word' | 'link' | 'first_message' | undefined {
    const { links, wordAction, isFirstMessageHeld } = this.#settings
    const hasWord = this.#words.find(text) !== undefined
    if (hasWord && wordAction === 'refuse') throw wordRefused()
    const hasLink = links !== 'allow' && !rank.isTrusted && findLinks(text).length > 0
    if (hasLink && links === 'refuse') throw linkRefused()
    if (hasWord) return 'word'
    if (hasLink) return 'link'
    return isFirstMessageHeld && !rank.isTrusted && !rank.hasSpoken ? 'first_message' : undefined
  }

  /** Slow mode first: what it refuses may be said again, and is no duplicate then. */
  async #checkPace(rank: Rank, text: string, now: number): Promise<() => void> {
    const { slowModeSeconds } = this.#settings
    const key = rank.accountId ?? rank.username
    if (slowModeSeconds === 0 || rank.isTrusted) {
      this.#flood.check(key, text, now)
      return () => {}
    }
    this.#pace.check(key, slowModeSeconds, now)
    // At once, so that of several messages at a time only the first gets through.
    const undo = this.#pace.note(key, now)
    try {
      await this.#checkElsewhere(rank, slowModeSeconds, now)
      this.#flood.check(key, text, now)
    } catch (error) {
      undo()
      throw error
    }
    return undo
  }

  /** What was said on another instance may not have been heard here. */
  async #checkElsewhere({ accountId }: Rank, seconds: number, now: number): Promise<void> {
    if (accountId === null) return
    const last = await this.#findLastSentAt(accountId)
    if (!last) return
    const elsewhere = new Pace()
    elsewhere.note(accountId, last.getTime())
    elsewhere.check(accountId, seconds, now)
  }
}

/**
 * Throws `AppError` FORBIDDEN (`chat_banned`, `chat_timed_out`, `chat_signed_in_only`) for who may say nothing at all,
 * commands included.
 */
export function checkVoice(rank: Rank, settings: RoomSettings, now: number): void {
  checkEntry(rank)
  if (rank.timedOutUntil !== null) {
    const retryAfterSeconds = Math.max(1, Math.ceil((Date.parse(rank.timedOutUntil) - now) / 1_000))
    throw new AppError('FORBIDDEN', 'chat_timed_out', `You may speak again in ${retryAfterSeconds} s.`, {
      retryAfterSeconds,
    })
  }
  if (rank.accountId === null && settings.isSignedInOnly)
    throw new AppError('FORBIDDEN', 'chat_signed_in_only', 'Sign in to speak here.')
}

/** Throws `AppError` FORBIDDEN (`chat_banned`). */
export function checkEntry(rank: Rank): void {
  if (rank.isBanned) throw new AppError('FORBIDDEN', 'chat_banned', 'You are banned from this chat.')
}

/** Throws `AppError` FORBIDDEN (`chat_members_only`) for who does not belong to the channel. */
export function checkMember({ badges }: Pick<Rank, 'badges'>): void {
  if (badges.length === 0)
    throw new AppError('FORBIDDEN', 'chat_members_only', 'This channel is private, and so is its chat.')
}

/** Throws `AppError` FORBIDDEN (`not_moderator`). */
export function checkModerator(rank: Rank): void {
  if (!rank.isModerator)
    throw new AppError(
      'FORBIDDEN',
      'not_moderator',
      'Only the owner and the moderators of the channel may do this.',
    )
}

function wordRefused(): AppError {
  return new AppError('FORBIDDEN', 'chat_word_refused', 'The message has a word that is not wanted here.')
}

function linkRefused(): AppError {
  return new AppError('FORBIDDEN', 'chat_link_refused', 'Links are not wanted here.')
}
