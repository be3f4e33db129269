/** What changes in the database together with an action of a moderator. */
import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import { chatBans, chatMessages, chatRoles, chatRooms } from '../db/chat-schema.ts'
import { comments } from '../db/comment-schema.ts'
import type { Db } from '../db/database.ts'
import { vods } from '../db/vod-schema.ts'
import { AppError } from '../errors.ts'
import type { AuthorKey } from './chat.ts'
import type { BanKind, GrantedRole } from './records.ts'
import { isWrittenBy } from './select-messages.ts'

/** Whom a ban or a purge is about. */
export type Subject = { readonly accountId: string } | { readonly addressRange: string }

export type Effect =
  | { readonly type: 'delete'; readonly messageId: string }
  /** All that the account, or guests from the address, have written. */
  | { readonly type: 'purge'; readonly author: AuthorKey }
  /** Nothing up to the action's place is shown any more. */
  | { readonly type: 'clear' }
  /** A held message gets the action's place. */
  | { readonly type: 'show'; readonly messageId: string }
  | { readonly type: 'reject'; readonly messageId: string }
  | {
      readonly type: 'ban'
      readonly kind: BanKind
      readonly subject: Subject
      readonly reason: string | null
      readonly until: Date | null
      readonly byAccountId: string
      readonly createdAt: Date
    }
  | { readonly type: 'unban'; readonly kinds: readonly BanKind[]; readonly subject: Subject }
  | {
      readonly type: 'grant'
      readonly accountId: string
      readonly role: GrantedRole
      readonly grantedAt: Date
    }
  /** `only`: unless they have another one. */
  | { readonly type: 'revoke'; readonly accountId: string; readonly only: GrantedRole | undefined }
  /** Over those that are stored. */
  | { readonly type: 'settings'; readonly changes: Record<string, unknown> }
  /** All comments of the account on the channel's videos. */
  | { readonly type: 'purge_comments'; readonly accountId: string }
  /** What changes outside of the chat. */
  | { readonly type: 'elsewhere'; readonly perform: (tx: Db) => Promise<void> }

/**
 * Carries out one effect. Throws `AppError` NOT_FOUND (`message_not_found`, `ban_not_found`, `role_not_found`), CONFLICT
 * (`message_not_held`), and what `perform` throws.
 */
export async function perform(tx: Db, channelId: string, effect: Effect, seq: number): Promise<void> {
  switch (effect.type) {
    case 'delete':
      return deleteMessage(tx, channelId, effect.messageId)
    case 'purge':
      return purge(tx, channelId, effect.author)
    case 'clear':
      return clear(tx, channelId, seq)
    case 'show':
      return review(tx, channelId, effect.messageId, { status: 'visible', seq })
    case 'reject':
      return review(tx, channelId, effect.messageId, { status: 'rejected' })
    case 'ban':
      return ban(tx, channelId, effect)
    case 'unban':
      return unban(tx, channelId, effect)
    case 'grant':
      return grant(tx, channelId, effect)
    case 'revoke':
      return revoke(tx, channelId, effect)
    case 'settings':
      return writeSettings(tx, channelId, effect.changes)
    case 'purge_comments':
      return purgeComments(tx, channelId, effect.accountId)
    case 'elsewhere':
      return effect.perform(tx)
    default:
      return effect satisfies never
  }
}

async function deleteMessage(tx: Db, channelId: string, id: string): Promise<void> {
  const deleted = await tx
    .update(chatMessages)
    .set({ status: 'deleted' })
    .where(
      and(
        eq(chatMessages.id, id),
        eq(chatMessages.channelId, channelId),
        sql`${chatMessages.status} in ('visible', 'hidden')`,
      ),
    )
    .returning({ id: chatMessages.id })
  if (deleted.length === 0) throw messageNotFound()
}

async function purge(tx: Db, channelId: string, author: AuthorKey) {
  await tx
    .update(chatMessages)
    .set({ status: sql`case ${chatMessages.status} when 'held' then 'rejected' else 'deleted' end` })
    .where(
      and(
        eq(chatMessages.channelId, channelId),
        isWrittenBy(author),
        sql`${chatMessages.status} in ('visible', 'held', 'hidden')`,
      ),
    )
}

/** What has no place is not before it: it goes by itself. */
async function clear(tx: Db, channelId: string, seq: number): Promise<void> {
  await writeSettings(tx, channelId, { clearedSeq: seq })
  await tx
    .update(chatMessages)
    .set({ status: 'deleted' })
    .where(
      and(eq(chatMessages.channelId, channelId), isNull(chatMessages.seq), eq(chatMessages.status, 'hidden')),
    )
}

async function purgeComments(tx: Db, channelId: string, accountId: string): Promise<void> {
  const onVideos = tx.select({ id: vods.id }).from(vods).where(eq(vods.channelId, channelId))
  await tx
    .update(comments)
    .set({ status: sql`case ${comments.status} when 'held' then 'rejected' else 'deleted' end`, text: '' })
    .where(
      and(
        eq(comments.accountId, accountId),
        sql`${comments.status} in ('visible', 'held', 'hidden')`,
        inArray(comments.vodId, onVideos),
      ),
    )
}

async function review(
  tx: Db,
  channelId: string,
  id: string,
  change: { status: 'visible' | 'rejected'; seq?: number },
): Promise<void> {
  const reviewed = await tx
    .update(chatMessages)
    .set(change)
    .where(
      and(eq(chatMessages.id, id), eq(chatMessages.channelId, channelId), eq(chatMessages.status, 'held')),
    )
    .returning({ id: chatMessages.id })
  if (reviewed.length === 0)
    throw new AppError(
      'CONFLICT',
      'message_not_held',
      'This message is not held, or was decided upon already.',
    )
}

async function ban(tx: Db, channelId: string, effect: Effect & { type: 'ban' }): Promise<void> {
  const { type: _, subject, ...said } = effect
  const { kind, reason, until, byAccountId, createdAt } = said
  await tx
    .insert(chatBans)
    .values({ id: Bun.randomUUIDv7(), channelId, ...subject, ...said })
    .onConflictDoUpdate({
      target: [
        chatBans.channelId,
        'accountId' in subject ? chatBans.accountId : chatBans.addressRange,
        chatBans.kind,
      ],
      set: { kind, reason, until, byAccountId, createdAt },
    })
}

async function unban(
  tx: Db,
  channelId: string,
  { kinds, subject }: Effect & { type: 'unban' },
): Promise<void> {
  const isTheirs =
    'accountId' in subject
      ? eq(chatBans.accountId, subject.accountId)
      : eq(chatBans.addressRange, subject.addressRange)
  const isOfKind = sql`${chatBans.kind} in ${kinds}`
  const ended = await tx
    .delete(chatBans)
    .where(and(eq(chatBans.channelId, channelId), isTheirs, isOfKind))
    .returning({ id: chatBans.id })
  if (ended.length === 0)
    throw new AppError('NOT_FOUND', 'ban_not_found', 'There is nothing of this kind to take back.')
}

async function grant(tx: Db, channelId: string, effect: Effect & { type: 'grant' }): Promise<void> {
  const { accountId, role, grantedAt } = effect
  await tx
    .insert(chatRoles)
    .values({ channelId, accountId, role, grantedAt })
    .onConflictDoUpdate({ target: [chatRoles.channelId, chatRoles.accountId], set: { role, grantedAt } })
}

async function revoke(tx: Db, channelId: string, effect: Effect & { type: 'revoke' }): Promise<void> {
  const { accountId, only } = effect
  const revoked = await tx
    .delete(chatRoles)
    .where(
      and(
        eq(chatRoles.channelId, channelId),
        eq(chatRoles.accountId, accountId),
        only && eq(chatRoles.role, only),
      ),
    )
    .returning({ role: chatRoles.role })
  if (revoked.length === 0)
    throw new AppError('NOT_FOUND', 'role_not_found', 'They have no such role in this chat.')
}

/** The room's row is there and locked: its place was taken first. */
async function writeSettings(tx: Db, channelId: string, changes: Record<string, unknown>): Promise<void> {
  await tx
    .update(chatRooms)
    .set({ settings: sql`${chatRooms.settings} || ${JSON.stringify(changes)}::text::jsonb` })
    .where(eq(chatRooms.channelId, channelId))
}

export function messageNotFound(): AppError {
  return new AppError('NOT_FOUND', 'message_not_found', 'There is no such message.')
}
