/** What the owner and the moderators of a channel can do in its chat; all of it is logged. */
import { AppError } from '../errors.ts'
import type { Effect } from './effects.ts'
import type { MembersRepository } from './members-repository.ts'
import type { ActionName, Actor, BanKind, GrantedRole, Target } from './records.ts'
import type { ChatRepository } from './repository.ts'
import type { HeldRoom } from './room.ts'
import type { RoomAccess } from './room-access.ts'
import { checkChanges, type RoomSettings, type SettingsChanges } from './settings.ts'
import { checkOwner, type Found, findSubject } from './subjects.ts'

const MAX_TIMEOUT_SECONDS = 14 * 86_400
const MAX_BAN_SECONDS = 3_650 * 86_400

export interface ModerationOptions {
  readonly access: RoomAccess
  readonly repository: ChatRepository
  readonly members: MembersRepository
  /** Somebody has got a role in the channel, or lost it; it is stored. */
  readonly onRolesChanged: (channelId: string) => Promise<void>
}

/** How somebody is silenced. */
interface Silence {
  readonly seconds?: number | undefined
  readonly reason?: string | undefined
  readonly isAddressToo?: boolean | undefined
}

/**
 * Every method throws `AppError` NOT_FOUND (`channel_not_found`) and, unless it says otherwise, FORBIDDEN
 * (`not_moderator`) for who is neither owner nor moderator. What is done to somebody throws FORBIDDEN
 * (`target_protected`) when they are the owner, or a moderator and the actor is not the owner; NOT_FOUND
 * (`account_not_found`, `message_not_found`); INVALID (`address_range_invalid`).
 */
export class Moderation {
  readonly #options: ModerationOptions
  readonly #access: RoomAccess

  constructor(options: ModerationOptions) {
    this.#options = options
    this.#access = options.access
  }

  /** Its author may do it, too. */
  async deleteMessage(actor: Actor, slug: string, messageId: string, reason?: string): Promise<void> {
    await this.#access.in(slug, async room => {
      const { accountId, authorName } = await this.#access.getMessage(room, messageId)
      if (accountId !== actor.id) await this.#access.checkTarget(room, actor, accountId)
      await room.act({
        ...this.#access.said('delete', actor, reason),
        ...{ targetId: accountId, targetName: authorName, messageId, isPlaced: true },
        effects: [{ type: 'delete', messageId }],
      })
    })
  }

  /** Silences for `seconds` (1 to 1,209,600), and hides what they wrote. Throws `AppError` INVALID (`timeout_invalid`). */
  async timeout(
    actor: Actor,
    slug: string,
    target: Target,
    { seconds, reason }: { seconds: number; reason?: string | undefined },
  ): Promise<void> {
    checkSeconds(seconds, MAX_TIMEOUT_SECONDS)
    await this.#silence('timeout', actor, slug, target, { seconds, reason })
  }

  /** Throws `AppError` NOT_FOUND (`ban_not_found`), as every way to take something back. */
  async untimeout(actor: Actor, slug: string, target: Target): Promise<void> {
    await this.#restore('untimeout', ['timeout'], actor, slug, target)
  }

  /**
   * Puts out, on every instance, and hides what they wrote, on the channel's videos too. `seconds`: until then, else until it is taken back;
   * `isAddressToo`: with the address from which the message of `messageId` came. Throws `AppError` INVALID
   * (`timeout_invalid`), LIMIT (`too_many_ranges`).
   */
  async ban(actor: Actor, slug: string, target: Target, options: Silence = {}): Promise<void> {
    if (options.seconds !== undefined) checkSeconds(options.seconds, MAX_BAN_SECONDS)
    await this.#silence('ban', actor, slug, target, options)
  }

  /** Ends a timeout, too. */
  async unban(actor: Actor, slug: string, target: Target): Promise<void> {
    await this.#restore('unban', ['ban', 'timeout'], actor, slug, target)
  }

  /** From now on they are heard by nobody else, and do not know. */
  async shadow(actor: Actor, slug: string, target: Target, reason?: string): Promise<void> {
    await this.#silence('shadow', actor, slug, target, { reason })
  }

  async unshadow(actor: Actor, slug: string, target: Target): Promise<void> {
    await this.#restore('unshadow', ['shadow'], actor, slug, target)
  }

  /** Nothing that was said is shown any more. */
  async clear(actor: Actor, slug: string, reason?: string): Promise<void> {
    await this.#access.asModerator(actor, slug, room =>
      room.act({
        ...this.#access.said('clear', actor, reason),
        isPlaced: true,
        effects: [{ type: 'clear' }],
      }),
    )
  }

  /** Owner only: `AppError` FORBIDDEN (`not_owner`), CONFLICT (`is_owner`), NOT_FOUND (`account_not_found`). */
  async setRole(actor: Actor, slug: string, username: string, role: GrantedRole): Promise<void> {
    await this.#changeRole('grant', actor, slug, username, role)
  }

  /** Takes `role` away, or whatever they have. Owner only, as `setRole`; NOT_FOUND (`role_not_found`). */
  async removeRole(actor: Actor, slug: string, username: string, role?: GrantedRole): Promise<void> {
    await this.#changeRole('revoke', actor, slug, username, role)
  }

  async settings(actor: Actor, slug: string): Promise<RoomSettings> {
    return this.#access.asModerator(actor, slug, async room => room.allSettings)
  }

  /** What is undefined stays. Throws `AppError` INVALID (`chat_settings_invalid`). */
  async updateSettings(actor: Actor, slug: string, changes: SettingsChanges): Promise<RoomSettings> {
    const checked = checkChanges(changes)
    return this.#access.asModerator(actor, slug, async room => {
      await room.act({
        ...this.#access.said('settings', actor),
        ...{ details: checked, isPlaced: false, effects: [{ type: 'settings', changes: checked }] },
      })
      await room.spread({ type: 'settings' })
      return room.allSettings
    })
  }

  async #silence(kind: BanKind, actor: Actor, slug: string, target: Target, how: Silence): Promise<void> {
    await this.#access.asModerator(actor, slug, async room => {
      const found = await findSubject(this.#options, room, target)
      await this.#access.checkTarget(room, actor, found.accountId)
      const { reason, seconds } = how
      const hasRange = 'addressRange' in found.subject || how.isAddressToo
      const range = hasRange ? found.addressRange : undefined
      if (range !== undefined) room.standings.checkRanges()
      const until = seconds === undefined ? null : new Date(this.#access.time.getTime() + seconds * 1_000)
      const isSeen = kind !== 'shadow' && found.author !== undefined
      await room.act({
        ...this.#access.said(kind, actor, reason),
        ...{ targetId: found.accountId, targetName: found.name, messageId: found.messageId, until },
        ...{ details: kind === 'timeout' ? { seconds } : {}, isPlaced: isSeen },
        effects: silencing(found, range, isSeen, {
          ...{ kind, until, reason: reason ?? null },
          ...{ byAccountId: actor.id, createdAt: this.#access.time },
        }),
      })
      await spreadBans(room, found.accountId, range)
    })
  }

  async #restore(
    action: ActionName,
    kinds: readonly BanKind[],
    actor: Actor,
    slug: string,
    target: Target,
  ): Promise<void> {
    await this.#access.asModerator(actor, slug, async room => {
      const { accountId, name, subject, addressRange } = await findSubject(this.#options, room, target)
      await room.act({
        ...this.#access.said(action, actor),
        ...{ targetId: accountId, targetName: name, isPlaced: false },
        effects: [{ type: 'unban', kinds, subject }],
      })
      await spreadBans(room, accountId, addressRange)
    })
  }

  async #changeRole(
    action: 'grant' | 'revoke',
    actor: Actor,
    slug: string,
    username: string,
    role: GrantedRole | undefined,
  ): Promise<void> {
    await this.#access.in(slug, async room => {
      checkOwner(room, actor)
      const { accountId, name } = await findSubject(this.#options, room, { username })
      if (accountId === null || accountId === room.ownerId)
        throw new AppError('CONFLICT', 'is_owner', 'The owner of the channel has every right already.')
      const effect: Effect =
        action === 'grant' && role
          ? { type: 'grant', accountId, role, grantedAt: this.#access.time }
          : { type: 'revoke', accountId, only: role }
      await room.act({
        ...this.#access.said(action, actor),
        ...{ targetId: accountId, targetName: name, isPlaced: false, details: { role } },
        effects: [effect],
      })
      await room.spread({ type: 'standing', accountId })
      await this.#options.onRolesChanged(room.channelId)
    })
  }
}

function silencing(
  { subject, accountId, author }: Found,
  range: string | undefined,
  isSeen: boolean,
  ban: Omit<Effect & { type: 'ban' }, 'type' | 'subject'>,
): Effect[] {
  const subjects = [subject, ...(range !== undefined && accountId !== null ? [{ addressRange: range }] : [])]
  const bans: Effect[] = subjects.map(each => ({ type: 'ban', ...ban, subject: each }))
  if (!isSeen || !author) return bans
  const purge: Effect = { type: 'purge', author }
  // A timeout ends: what was written on videos long before it stays.
  if (ban.kind !== 'ban' || accountId === null) return [...bans, purge]
  return [...bans, purge, { type: 'purge_comments', accountId }]
}

/** Every instance reads anew what has changed. */
async function spreadBans(
  room: HeldRoom,
  accountId: string | null,
  range: string | undefined,
): Promise<void> {
  if (range !== undefined) await room.spread({ type: 'ranges' })
  if (accountId !== null) await room.spread({ type: 'standing', accountId })
}

function checkSeconds(seconds: number, most: number): void {
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > most)
    throw new AppError('INVALID', 'timeout_invalid', `This can last 1 to ${most} seconds.`)
}
