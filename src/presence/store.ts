/** Where presence is kept: what one process hands in, and what all of them together come to. */

/** How many people a channel has, each counted once. */
export interface Count {
  /** Who watches or is in the chat. */
  readonly people: number
  readonly chatters: number
}

/** Who is in a channel, as one process knows it. */
export interface Members {
  /** What `personOf` makes of who is in the chat, and viewer keys of who watches. */
  readonly people: ReadonlySet<string>
  /** What `personOf` makes of them. */
  readonly chatters: ReadonlySet<string>
  /** Viewer keys of browsers that an account in the chat has: whoever has one of these is counted by the account. */
  readonly accountKeys: ReadonlySet<string>
}

export interface PresenceStore {
  /**
   * Takes what this process knows now, by channel id, and answers the counts over all processes. Rejects when it is
   * away; then what this process knows is all there is.
   */
  exchange(own: ReadonlyMap<string, Members>): Promise<ReadonlyMap<string, Count>>
  /** Up to `limit` names of accounts in a channel's chat, over all processes. Rejects when it is away. */
  names(channelId: string, limit: number): Promise<string[]>
  /** What this process has handed in counts no more. Idempotent. */
  close(): Promise<void>
}

/** An account counts once however many browsers and ways in it has; a guest is told by the browser, like a viewer. */
export function personOf(who: { viewerKey: string; username: string; isGuest: boolean }): string {
  return who.isGuest ? who.viewerKey : `u:${who.username}`
}

/** The account's name; undefined: a guest. */
export function nameOf(chatter: string): string | undefined {
  return chatter.startsWith('u:') ? chatter.slice(2) : undefined
}
