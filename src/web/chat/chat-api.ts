/** What the panel asks of the API, in its own words. */
import { api } from '../api.ts'
import type { HeldMessage, HistoryPage } from './chat-room.ts'
import type { Emote } from './completions.ts'
import type { ChatMessage } from './message-log.ts'

const PAGE = 60

export async function readHistory(slug: string, cursor: string | undefined): Promise<HistoryPage> {
  const { items, nextCursor } = await api.chat.history.query({ slug, limit: PAGE, ...(cursor && { cursor }) })
  return { messages: items.reverse(), cursor: nextCursor }
}

export async function readChatters(slug: string): Promise<{ count: number; names: string[] }> {
  return api.chat.chatters.query({ slug })
}

export async function readHeld(slug: string): Promise<readonly HeldMessage[]> {
  return (await api.chat.held.list.query({ slug, limit: PAGE })).items
}

export async function readEmotes(channelId: string): Promise<readonly Emote[]> {
  return (await api.chat.emotes.list.query({ channelId })).items
}

/** What moderators do about a message or who wrote it. */
export type Moderation =
  | { readonly act: 'delete' | 'ban' | 'approve' | 'reject' }
  | { readonly act: 'timeout'; readonly seconds: number }

/** By the message, so that guests are meant as well. */
export async function moderate(slug: string, { id }: ChatMessage, moderation: Moderation): Promise<unknown> {
  switch (moderation.act) {
    case 'delete':
      return api.chat.delete.mutate({ slug, id })
    case 'ban':
      return api.chat.ban.mutate({ slug, messageId: id })
    case 'approve':
      return api.chat.held.approve.mutate({ slug, id })
    case 'reject':
      return api.chat.held.reject.mutate({ slug, id })
    case 'timeout':
      return api.chat.timeout.mutate({ slug, messageId: id, seconds: moderation.seconds })
    default:
      return moderation satisfies never
  }
}

export async function like(streamId: string, isLiked: boolean): Promise<{ likes: number; isLiked: boolean }> {
  return isLiked ? api.streams.like.mutate({ id: streamId }) : api.streams.unlike.mutate({ id: streamId })
}

export async function follow(channelId: string, isFollowing: boolean): Promise<unknown> {
  return isFollowing ? api.channels.follow.mutate({ channelId }) : api.channels.unfollow.mutate({ channelId })
}
