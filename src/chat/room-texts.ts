/** What instances tell each other about a room. */
import type { AuthorKey } from './chat.ts'
import type { ChatMessage, LoggedEvent, ModeratorEvent } from './events.ts'

export type RoomText =
  | { readonly type: 'events'; readonly events: readonly LoggedEvent[] }
  /** They are to be read anew. */
  | { readonly type: 'settings' | 'ranges' }
  /** Somebody's role or bans are to be read anew. */
  | { readonly type: 'standing'; readonly accountId: string }
  | { readonly type: 'hidden'; readonly message: ChatMessage; readonly author: AuthorKey }
  | { readonly type: 'moderators'; readonly event: ModeratorEvent }

export function topicOf(channelId: string): string {
  return `chat:${channelId}`
}

/** `from`: the instance that says it, which needs not hear it. */
export function writeText(from: string, text: RoomText): string {
  return `${startOf(from)},${JSON.stringify(text).slice(1)}`
}

/** Undefined: from `own` itself, which is seen without reading it. Throws for what is no JSON. */
export function readText(own: string, text: string): RoomText | undefined {
  return text.startsWith(startOf(own)) ? undefined : (JSON.parse(text) as RoomText)
}

function startOf(from: string): string {
  return `{"from":${JSON.stringify(from)}`
}
