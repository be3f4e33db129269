/** Hides the SQL of who is what in a room, who may not speak there, and what was done about it. */
import { and, desc, eq, gt, inArray, isNotNull, isNull, lt, or, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { chatActions, chatBans, chatMessages, chatRoles } from '../db/chat-schema.ts'
import { comments } from '../db/comment-schema.ts'
import type { Db } from '../db/database.ts'
import { accounts, follows } from '../db/schema.ts'
import { vods } from '../db/vod-schema.ts'
import type { ActionName, Ban, BanKind, LogEntry } from './records.ts'

/** What a room knows of an account. */
export interface Member {
  readonly role: 'moderator' | 'vip' | 'subscriber' | undefined
  readonly followedAt: Date | undefined
  /** Something of theirs was shown before, in the chat or below a video. */
  readonly hasSpoken: boolean
  /** They wrote what nobody else was shown. */
  readonly hasHidden: boolean
  readonly bans: readonly { readonly kind: BanKind; readonly until: Date | null }[]
}

export interface RangeBan {
  readonly kind: BanKind
  readonly addressRange: string
  readonly until: Date | null
}

const actors = alias(accounts, 'actors')

export class MembersRepository {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** By account id; who does not exist is not there. */
  async findMembers(channelId: string, accountIds: readonly string[]): Promise<Map<string, Member>> {
    const ids = [...accountIds]
    const wrote = (status: 'visible' | 'hidden') =>
      sql<boolean>`exists (select 1 from ${chatMessages} where ${chatMessages.channelId} = ${channelId}
        and ${chatMessages.accountId} = ${accounts.id} and ${chatMessages.status} = ${status})`
    const commented = sql`exists (select 1 from ${comments} join ${vods} on ${vods.id} = ${comments.vodId}
      where ${comments.accountId} = ${accounts.id} and ${comments.status} = 'visible'
        and ${vods.channelId} = ${channelId})`
    const [members, bans] = await Promise.all([
      this.#db
        .select({
          id: accounts.id,
          role: chatRoles.role,
          followedAt: follows.followedAt,
          hasSpoken: sql<boolean>`(${wrote('visible')} or ${commented})`,
          hasHidden: wrote('hidden'),
        })
        .from(accounts)
        .leftJoin(chatRoles, and(eq(chatRoles.accountId, accounts.id), eq(chatRoles.channelId, channelId)))
        .leftJoin(follows, and(eq(follows.accountId, accounts.id), eq(follows.channelId, channelId)))
        .where(inArray(accounts.id, ids)),
      this.#db
        .select({ accountId: chatBans.accountId, kind: chatBans.kind, until: chatBans.until })
        .from(chatBans)
        .where(and(eq(chatBans.channelId, channelId), inArray(chatBans.accountId, ids))),
    ])
    return new Map(
      members.map(({ id, role, followedAt, hasSpoken, hasHidden }) => [
        id,
        {
          role: role ?? undefined,
          followedAt: followedAt ?? undefined,
          ...{ hasSpoken, hasHidden },
          bans: bans.filter(each => each.accountId === id),
        },
      ]),
    )
  }

  async listRangeBans(channelId: string, now: Date, limit: number): Promise<RangeBan[]> {
    return this.#db
      .select({
        kind: chatBans.kind,
        addressRange: sql<string>`${chatBans.addressRange}`,
        until: chatBans.until,
      })
      .from(chatBans)
      .where(and(eq(chatBans.channelId, channelId), isNotNull(chatBans.addressRange), isInForce(now)))
      .limit(limit)
  }

  async findAccount(username: string): Promise<{ id: string; username: string } | undefined> {
    const [account] = await this.#db
      .select({ id: accounts.id, username: accounts.username })
      .from(accounts)
      .where(eq(accounts.username, username))
    return account
  }

  /** Who wrote a comment on a video of the channel, and from where. */
  async findCommenter(
    channelId: string,
    commentId: string,
  ): Promise<{ accountId: string; authorName: string; address: string } | undefined> {
    const [commenter] = await this.#db
      .select({ accountId: comments.accountId, authorName: accounts.username, address: comments.address })
      .from(comments)
      .innerJoin(vods, eq(vods.id, comments.vodId))
      .innerJoin(accounts, eq(accounts.id, comments.accountId))
      .where(and(eq(comments.id, commentId), eq(vods.channelId, channelId)))
    return commenter
  }

  /** In force, newest first; `before`: the id of the last of the page before. */
  async listBans(
    channelId: string,
    page: { now: Date; limit: number; before: string | undefined },
  ): Promise<Ban[]> {
    const rows = await this.#db
      .select({
        id: chatBans.id,
        kind: chatBans.kind,
        account: { id: accounts.id, username: accounts.username },
        addressRange: chatBans.addressRange,
        reason: chatBans.reason,
        until: chatBans.until,
        by: { id: actors.id, username: actors.username },
        createdAt: chatBans.createdAt,
      })
      .from(chatBans)
      .leftJoin(accounts, eq(accounts.id, chatBans.accountId))
      .leftJoin(actors, eq(actors.id, chatBans.byAccountId))
      .where(
        and(
          eq(chatBans.channelId, channelId),
          isInForce(page.now),
          page.before === undefined ? undefined : lt(chatBans.id, page.before),
        ),
      )
      .orderBy(desc(chatBans.id))
      .limit(page.limit)
    return rows
  }

  /** Newest first; `before`: the id of the last of the page before. Ids are made in the order of time. */
  async listActions(channelId: string, limit: number, before: string | undefined): Promise<LogEntry[]> {
    const rows = await this.#db
      .select({
        id: chatActions.id,
        action: sql<ActionName>`${chatActions.action}`,
        actor: { id: actors.id, username: actors.username },
        targetId: chatActions.targetId,
        targetName: chatActions.targetName,
        messageId: chatActions.messageId,
        reason: chatActions.reason,
        until: chatActions.until,
        details: chatActions.details,
        actedAt: chatActions.actedAt,
      })
      .from(chatActions)
      .leftJoin(actors, eq(actors.id, chatActions.actorId))
      .where(
        and(
          eq(chatActions.channelId, channelId),
          before === undefined
            ? undefined
            : sql`(${chatActions.actedAt}, ${chatActions.id}) <
                (select acted_at, id from chat_actions where id = ${before})`,
        ),
      )
      .orderBy(desc(chatActions.actedAt), desc(chatActions.id))
      .limit(limit)
    return rows.map(({ targetId, targetName, ...row }) => ({
      ...row,
      target: targetName === null ? null : { id: targetId, name: targetName },
    }))
  }

  /** Everybody with a role, by name. */
  async listRoles(channelId: string) {
    return this.#db
      .select({ account: { id: accounts.id, username: accounts.username }, role: chatRoles.role })
      .from(chatRoles)
      .innerJoin(accounts, eq(accounts.id, chatRoles.accountId))
      .where(eq(chatRoles.channelId, channelId))
      .orderBy(accounts.username)
  }
}

function isInForce(now: Date) {
  return or(isNull(chatBans.until), gt(chatBans.until, now))
}
