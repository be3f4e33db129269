/** Who is there: counts people, not connections, over all instances, and tells rooms who came and who went. */
import type { Log } from '../log.ts'
import { type Count, type Members, nameOf, type PresenceStore, personOf } from './store.ts'

const TICK_MS = 2_000
/** Rooms up to this many chatters are told names. */
const MAX_NAMED = 200
/** What this process knows is gathered from every stream: not for every request. */
const FRESH_MS = 500
/** Until every instance has said anew who is with it, after Redis was away. */
const QUIET_MS = 5_000
const NOBODY: Count = { people: 0, chatters: 0 }

/** Who watches a channel here. */
export interface Audience {
  readonly channelId: string
  readonly viewerKeys: Iterable<string>
}

/** What has changed in a room since it was last told. */
export interface PresenceChange {
  readonly viewers: number
  readonly chatters: number
  /** Names of accounts; none where the room is large. */
  readonly joined: readonly string[]
  readonly left: readonly string[]
}

export interface PresenceOptions {
  /** Everybody who watches here, by channel. */
  readonly audiences: () => Iterable<Audience>
  /** Undefined: this process is alone. */
  readonly store?: PresenceStore | undefined
  readonly log: Log
  /** Default 2,000. */
  readonly tickMs?: number
  /** How old what this process knows of itself may be; default 500. */
  readonly freshMs?: number
}

export interface Arrival {
  readonly viewerKey: string
  readonly username: string
  readonly isGuest: boolean
}

/** A room that is told of changes, and what it was told last. */
interface Feed {
  readonly listeners: Set<(change: PresenceChange) => void>
  count: Count
  /** Undefined: the room was too large, or nobody has been told yet. */
  names: ReadonlySet<string> | undefined
}

export class Presence {
  readonly #options: PresenceOptions
  /** Who is in the chats by this process, by channel: once for each connection. */
  readonly #arrivals = new Map<string, Set<Arrival>>()
  readonly #feeds = new Map<string, Feed>()
  #own: ReadonlyMap<string, Members> = new Map()
  #ownAt = Number.NEGATIVE_INFINITY
  /** Over all instances; undefined: this process's own are all there are. */
  #shared: ReadonlyMap<string, Count> | undefined
  /** What is counted in `#shared` of this process's own. */
  #handedIn: ReadonlyMap<string, Members> = new Map()
  /** By channel, until `#own` or `#shared` changes. */
  readonly #counts = new Map<string, Count>()
  /** The store does not answer. */
  #isAway = false
  /** Until then nobody is told names. */
  #quietUntil = Number.NEGATIVE_INFINITY
  #timer: ReturnType<typeof setTimeout> | undefined
  #ticking: Promise<void> = Promise.resolve()
  #isClosed = false

  private constructor(options: PresenceOptions) {
    this.#options = options
  }

  /** Owns its store. */
  static async open(options: PresenceOptions): Promise<Presence> {
    const presence = new Presence(options)
    await presence.#tick()
    presence.#schedule()
    return presence
  }

  /** People who watch the channel or are in its chat, each once, over all instances. */
  viewers(channelId: string): number {
    return this.#count(channelId).people
  }

  /** People who are in chats by this process, each once for each channel. */
  get ownChatters(): number {
    let count = 0
    for (const { chatters } of this.#ownNow().values()) count += chatters.size
    return count
  }

  /** People in the channel's chat: accounts, and guests by browser. */
  chatters(channelId: string): number {
    return this.#count(channelId).chatters
  }

  /** Accounts in the channel's chat, by name and at most `limit`, over all instances. */
  async names(channelId: string, limit: number): Promise<string[]> {
    const names = await this.#names(channelId, limit).catch(() => this.#ownNames(channelId))
    return [...names].slice(0, limit).sort()
  }

  /** The channels with the most people, over all instances. */
  top(limit: number): string[] {
    const ids = new Set([...this.#ownNow().keys(), ...(this.#shared?.keys() ?? [])])
    const ranked = [...ids].map(id => ({ id, people: this.viewers(id) }))
    return ranked
      .sort((a, b) => b.people - a.people)
      .slice(0, limit)
      .map(each => each.id)
  }

  /** Somebody's connection to the chat. Answers how to leave, which is idempotent. */
  arrive(channelId: string, { viewerKey, username, isGuest }: Arrival): () => void {
    const arrival = { viewerKey, username, isGuest }
    const arrivals = this.#arrivals.get(channelId) ?? new Set()
    this.#arrivals.set(channelId, arrivals.add(arrival))
    return () => {
      if (arrivals.delete(arrival) && arrivals.size === 0) this.#arrivals.delete(channelId)
    }
  }

  /** Told every 2 s at most, and only when something has changed. Answers how to stop. */
  onChange(channelId: string, listener: (change: PresenceChange) => void): () => void {
    const own = (change: PresenceChange) => listener(change)
    const feed = this.#feeds.get(channelId) ?? {
      listeners: new Set(),
      count: NOBODY,
      names: undefined,
    }
    feed.listeners.add(own)
    this.#feeds.set(channelId, feed)
    return () => {
      if (feed.listeners.delete(own) && feed.listeners.size === 0) this.#feeds.delete(channelId)
    }
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#feeds.clear()
    await this.#ticking
    await this.#options.store?.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #schedule(): void {
    if (this.#isClosed) return
    this.#timer = setTimeout(() => {
      this.#ticking = this.#tick()
        .catch(err => this.#options.log.error({ err }, 'presence could not be counted'))
        .finally(() => this.#schedule())
    }, this.#options.tickMs ?? TICK_MS)
  }

  async #tick(): Promise<void> {
    const { store, log } = this.#options
    const own = this.#gather()
    this.#own = own
    const wasAway = this.#isAway
    try {
      this.#shared = await store?.exchange(own)
      this.#handedIn = own
      this.#isAway = false
    } catch (error) {
      if (!wasAway) log.warn({ reason: (error as Error).message }, 'presence counts this instance alone')
      this.#shared = undefined
      this.#isAway = true
    }
    this.#counts.clear()
    // Who is known by other instances alone has neither left now nor joined afterwards.
    if (wasAway !== this.#isAway) this.#quietUntil = performance.now() + QUIET_MS
    await Promise.all([...this.#feeds].map(([channelId, feed]) => this.#tell(channelId, feed)))
  }

  async #tell(channelId: string, feed: Feed): Promise<void> {
    const count = this.#count(channelId)
    const isNamed = count.chatters <= MAX_NAMED
    const names = isNamed ? await this.#names(channelId, MAX_NAMED).catch(() => undefined) : undefined
    const before = { count: feed.count, names: feed.names }
    Object.assign(feed, { count, names })
    const earlier = performance.now() < this.#quietUntil ? undefined : before.names
    const joined = names && earlier ? [...names.difference(earlier)] : []
    const left = names && earlier ? [...earlier.difference(names)] : []
    const isSame = count.people === before.count.people && count.chatters === before.count.chatters
    if (isSame && joined.length === 0 && left.length === 0) return
    const change = { viewers: count.people, chatters: count.chatters, joined, left }
    for (const listener of [...feed.listeners]) {
      try {
        listener(change)
      } catch (err) {
        this.#options.log.error({ err }, 'a listener failed')
      }
    }
  }

  /** Over all instances, with those here who have come since they were counted together. */
  #count(channelId: string): Count {
    const own = this.#ownNow().get(channelId)
    const shared = this.#shared?.get(channelId)
    if (!own) return shared ?? NOBODY
    if (!shared) return { people: own.people.size, chatters: own.chatters.size }
    const known = this.#counts.get(channelId)
    if (known) return known
    const handedIn = this.#handedIn.get(channelId)
    const since = (kind: 'people' | 'chatters') => own[kind].difference(handedIn?.[kind] ?? new Set()).size
    const count = {
      people: shared.people + since('people'),
      chatters: shared.chatters + since('chatters'),
    }
    this.#counts.set(channelId, count)
    return count
  }

  async #names(channelId: string, limit: number): Promise<Set<string>> {
    const { store } = this.#options
    const shared = this.#shared && store ? await store.names(channelId, limit) : []
    return new Set([...new Set([...this.#ownNames(channelId), ...shared])].slice(0, limit))
  }

  #ownNames(channelId: string): string[] {
    const chatters = this.#ownNow().get(channelId)?.chatters ?? []
    return [...chatters].flatMap(chatter => nameOf(chatter) ?? [])
  }

  #ownNow(): ReadonlyMap<string, Members> {
    if (performance.now() - this.#ownAt >= (this.#options.freshMs ?? FRESH_MS)) this.#own = this.#gather()
    return this.#own
  }

  #gather(): Map<string, Members> {
    const gathered = new Map<string, Record<keyof Members, Set<string>>>()
    const at = (channelId: string) => {
      const none = { people: new Set<string>(), chatters: new Set<string>(), accountKeys: new Set<string>() }
      const members = gathered.get(channelId) ?? none
      gathered.set(channelId, members)
      return members
    }
    for (const { channelId, viewerKeys } of this.#options.audiences()) {
      const { people } = at(channelId)
      for (const key of viewerKeys) people.add(key)
    }
    for (const [channelId, arrivals] of this.#arrivals) {
      const { people, chatters, accountKeys } = at(channelId)
      for (const arrival of arrivals) {
        const person = personOf(arrival)
        people.add(person)
        chatters.add(person)
        if (!arrival.isGuest) accountKeys.add(arrival.viewerKey)
      }
      for (const key of accountKeys) for (const each of [people, chatters]) each.delete(key)
    }
    this.#ownAt = performance.now()
    this.#counts.clear()
    return gathered
  }
}
