/**
 * The chat's WebSocket protocol, version 1, at `/chat/:slug`: JSON objects, from the server one or more in a frame with a
 * line feed between them, from the client one in a frame.
 *
 * Asking: `?after=SEQ` resumes after what was seen last; `?ticket=` says who it is, for pages of other origins.
 * Close codes: 1001 the server stops, 1009 a frame was too big, 4001 banned, 4002 too slow: come back with `after`, 4003
 * too much that is no message, 4004 no such channel, 4005 the channel is private: its members only.
 */
import type { Standing } from '../chat/chat.ts'
import type { ModeratorEvent, PublicSettings, RoomEvent } from '../chat/events.ts'

/** How the chat sees who is connected. */
export interface Me extends Standing {
  /** Not signed in. */
  readonly isGuest: boolean
}

/** First of all, and once. Missed events come after it, up to `seq`; all later ones follow by themselves. */
export interface Hello {
  readonly type: 'hello'
  readonly version: 1
  readonly slug: string
  readonly seq: number
  readonly me: Me
  readonly settings: PublicSettings
}

/** `ref` is the request's. */
export type Reply =
  | {
      readonly type: 'ok'
      readonly ref: Ref | null
      /** The message that it became. */
      readonly id?: string
      /** Something to show to who asked: what came of a command, that the message waits for review. */
      readonly text?: string
    }
  | {
      readonly type: 'error'
      readonly ref: Ref | null
      readonly reason: string
      readonly message: string
      readonly retryAfterSeconds?: number
    }

export type Ref = string | number

export type ServerEvent =
  | Hello
  | Reply
  | RoomEvent
  | ModeratorEvent
  /** More was missed than is told here: read the history again. */
  | { readonly type: 'gap' }
  /** The own roles or timeout have changed. */
  | { readonly type: 'me'; readonly me: Me }
  | { readonly type: 'pong' }

export type ClientRequest =
  | { readonly type: 'send'; readonly ref: Ref | null; readonly text: string; readonly replyTo?: string }
  | { readonly type: 'react'; readonly ref: Ref | null; readonly reaction: string }
  | { readonly type: 'ping' }
