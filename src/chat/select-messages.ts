/** Hides the SQL that reads messages with what they answer. */
import { and, eq, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { chatMessages } from '../db/chat-schema.ts'
import type { Db } from '../db/database.ts'
import type { AuthorKey } from './chat.ts'
import type { Role } from './events.ts'

const replied = alias(chatMessages, 'replied')

/** Rows in the form of `StoredMessage`; what is answered only while everybody can see it. */
export function selectMessages(db: Db) {
  return db
    .select({
      id: chatMessages.id,
      seq: chatMessages.seq,
      streamId: chatMessages.streamId,
      accountId: chatMessages.accountId,
      authorName: chatMessages.authorName,
      badges: sql<Role[]>`${chatMessages.badges}`,
      address: chatMessages.address,
      text: chatMessages.text,
      replyTo: chatMessages.replyTo,
      emotes: chatMessages.emotes,
      sentAt: chatMessages.sentAt,
      status: chatMessages.status,
      replied: { id: replied.id, username: replied.authorName, text: replied.text },
    })
    .from(chatMessages)
    .leftJoin(replied, and(eq(replied.id, chatMessages.replyTo), eq(replied.status, 'visible')))
}

/** The condition that `author` wrote it. */
export function isWrittenBy(author: AuthorKey) {
  return 'accountId' in author
    ? eq(chatMessages.accountId, author.accountId)
    : sql`${chatMessages.accountId} is null and ${chatMessages.address} = ${author.address}`
}
