/** Who may watch what: everybody, whoever has the address, or those who belong to the channel and whom its owner lets in. */
import type { Audience, Grantee } from './tokens.ts'

export type Visibility = 'public' | 'unlisted' | 'private'

/** A channel's live streams, or a VOD. */
export interface Watchable {
  readonly kind: 'channel' | 'vod'
  /** Of a channel, `channelId`. */
  readonly id: string
  readonly channelId: string
  /** `off`: a recording that is not to be published. */
  readonly visibility: Visibility | 'off'
  /** Of a VOD: who sent it or cut it; null: the channel itself. */
  readonly authorId?: string | null | undefined
}

export function audienceOf({ kind, id }: Pick<Watchable, 'kind' | 'id'>): Audience {
  return `${kind}:${id}`
}

/** Anybody may, though they may need a token that everybody is given. */
export function isForAnybody({ visibility }: Pick<Watchable, 'visibility'>): boolean {
  return visibility === 'public' || visibility === 'unlisted'
}

export function channelOf(channelId: string, visibility: Visibility): Watchable {
  return { kind: 'channel', id: channelId, channelId, visibility }
}

/** The id in `account:ID` or `share:ID`. */
export function idOf(grantee: Grantee, kind: 'account' | 'share'): string | undefined {
  return grantee.startsWith(`${kind}:`) ? grantee.slice(kind.length + 1) : undefined
}

/** A VOD with its channel and author, as something to watch. */
export function vodOf(vod: {
  readonly id: string
  readonly visibility: Visibility | 'off'
  readonly channel: { readonly id: string }
  readonly author: { readonly id: string } | null
}): Watchable {
  const { id, visibility, channel, author } = vod
  return { kind: 'vod', id, channelId: channel.id, visibility, authorId: author?.id ?? null }
}
