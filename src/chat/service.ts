/** The chat of this instance: its open rooms, kept in step with those of other instances. */

import type { ChannelsService } from '../channels/service.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Bus } from '../redis/bus.ts'
import type { StreamsService } from '../streams/service.ts'
import type { Chat, Chatter } from './chat.ts'
import { runCommand } from './command-runner.ts'
import { Composer } from './composer.ts'
import type { Emotes } from './emotes.ts'
import type { StateEvent } from './events.ts'
import type { MembersRepository } from './members-repository.ts'
import { Moderation } from './moderation.ts'
import { degraded, restored } from './notices.ts'
import { OpenStreams } from './open-streams.ts'
import type { PageRequest } from './records.ts'
import type { ChatRepository } from './repository.ts'
import { Review } from './review.ts'
import { HeldRoom } from './room.ts'
import { RoomAccess } from './room-access.ts'
import type { History } from './room-log.ts'
import type { RoomParts } from './room-parts.ts'
import { SendLimits, type SendRates } from './send-limits.ts'
import { NO_ROOM } from './stored.ts'
import { TextRules } from './text-rules.ts'

export type { Actor, Page, PageRequest } from './records.ts'
export type { TextRules } from './text-rules.ts'

const MAX_ROOMS = 5_000
/** While the bus is away, what others have stored is read this often. */
const AWAY_INTERVAL_MS = 2_000
/** And this often while it is not: what it lost without saying so. */
const CHECK_EVERY = 5
const IDLE_MS = 30_000

export interface ChatServiceOptions {
  readonly repository: ChatRepository
  readonly members: MembersRepository
  readonly bus: Bus
  readonly channels: Pick<ChannelsService, 'getBySlug'>
  readonly streams: Pick<StreamsService, 'findOpen'>
  readonly emotes: Pick<Emotes, 'resolve'>
  /** Makes guests' names of their addresses, without giving these away. */
  readonly guestKey: string
  /** A reaction of somebody in a room. Throws `AppError` INVALID (`reaction_unknown`), LIMIT (`rate_limited`). */
  readonly react: (channelId: string, chatter: Chatter, reaction: string) => void
  /** A message of this instance was stored and is heard. */
  readonly onSent?: () => void
  /** Somebody has got a role in the channel, or lost it; it is stored. */
  readonly onRolesChanged?: (channelId: string) => Promise<void>
  /** Somebody is in a room; answers how they leave. */
  readonly arrive: (channelId: string, chatter: Chatter, username: string) => () => void
  readonly rates?: SendRates
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  readonly log: Log
}

export class ChatService implements Chat {
  readonly moderation: Moderation
  readonly review: Review
  /** What holds for texts that stand elsewhere than in the chat. */
  readonly texts: TextRules
  readonly #options: ChatServiceOptions
  readonly #parts: RoomParts
  readonly #now: () => number
  /** By slug. */
  readonly #rooms = new Map<string, Promise<HeldRoom>>()
  /** By channel id; those that are open. */
  readonly #open = new Map<string, HeldRoom>()
  readonly #timer: ReturnType<typeof setInterval>
  readonly #stopBus: () => void
  #ticks = 0
  #isRefreshing = false
  #isDegraded = false
  #isClosed = false

  constructor(options: ChatServiceOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    const { repository, members, bus, emotes, guestKey, streams, log } = options
    const composer = new Composer({ repository, emotes })
    const openStreams = new OpenStreams({ streams, now: this.#now })
    const open = (slug: string) => this.open(slug)
    const access = new RoomAccess({ open, repository, now: this.#now })
    const { onRolesChanged = async () => {} } = options
    this.moderation = new Moderation({ access, repository, members, onRolesChanged })
    this.review = new Review({ access, repository, members, composer })
    this.texts = new TextRules({ access })
    this.#parts = {
      ...{ repository, members, composer, bus, guestKey, log, now: this.#now },
      instanceId: crypto.randomUUID(),
      limits: new SendLimits(options.rates),
      findStreamId: channelId => openStreams.find(channelId),
      runCommand: (room, actor, command) => runCommand(this, room, actor, command),
      onSent: () => options.onSent?.(),
      react: (room, chatter, reaction) => options.react(room.channelId, chatter, reaction),
      arrive: (room, chatter, username) => options.arrive(room.channelId, chatter, username),
    }
    this.#isDegraded = !bus.isConnected
    this.#stopBus = bus.onConnection(isConnected => this.#onBus(isConnected))
    this.#timer = setInterval(() => this.#tick(), AWAY_INTERVAL_MS)
    this.#timer.unref()
  }

  /** Throws `AppError` NOT_FOUND (`channel_not_found`), LIMIT (`busy`). The holder releases it. */
  async open(slug: string): Promise<HeldRoom> {
    if (this.#isClosed)
      throw new AppError('LIMIT', 'busy', 'The server is stopping.', { retryAfterSeconds: 5 })
    const known = this.#rooms.get(slug)
    if (known) return (await known).hold()
    if (this.#rooms.size >= MAX_ROOMS)
      throw new AppError('LIMIT', 'busy', 'Too many chats are open here. Try again in a moment.', {
        retryAfterSeconds: 30,
      })
    const opening = this.#openRoom(slug)
    this.#rooms.set(slug, opening)
    opening.catch(() => this.#rooms.delete(slug))
    return (await opening).hold()
  }

  /**
   * What `reader` may see, newest first; `seq`: what comes after it is in `Room.read`. Throws `AppError` NOT_FOUND
   * (`channel_not_found`), FORBIDDEN (`chat_members_only`), INVALID (`cursor_invalid`).
   */
  async history(slug: string, page: PageRequest, reader?: Chatter): Promise<History> {
    const room = await this.open(slug)
    try {
      return await room.history(page, reader)
    } finally {
      room.release()
    }
  }

  /** Somebody follows the channel, or does no more: what their standing in its room is, is to be read anew. */
  async standingChanged(slug: string, accountId: string): Promise<void> {
    const room = await this.open(slug)
    try {
      await room.spread({ type: 'standing', accountId })
    } finally {
      room.release()
    }
  }

  /** The channel may have become private, or be so no longer: who is in its room on this instance has to leave then. */
  async visibilityChanged(channelId: string): Promise<void> {
    await this.#open.get(channelId)?.checkVisibility()
  }

  /** Tells those who listen to the channel's room on this instance. */
  tell(channelId: string, event: StateEvent): void {
    this.#open.get(channelId)?.tell(event)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    clearInterval(this.#timer)
    this.#stopBus()
    await Promise.allSettled(this.#rooms.values())
    for (const room of this.#open.values()) room.close()
    this.#open.clear()
    this.#rooms.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #openRoom(slug: string): Promise<HeldRoom> {
    const { id, owner } = await this.#options.channels.getBySlug(slug)
    const room = await HeldRoom.open({ id, slug, ownerId: owner.id }, this.#parts)
    this.#open.set(id, room)
    return room
  }

  #listened(): HeldRoom[] {
    return [...this.#open.values()].filter(room => room.hasListeners)
  }

  #onBus(isConnected: boolean): void {
    if (!isConnected && !this.#isDegraded) {
      this.#isDegraded = true
      this.#tellAll(degraded)
    }
    // What was said between the loss and the return was heard by nobody.
    if (isConnected) void this.#restore()
  }

  async #restore(): Promise<void> {
    if (!(await this.#refresh([...this.#open.values()], true)) || !this.#options.bus.isConnected) return
    if (!this.#isDegraded) return
    this.#isDegraded = false
    this.#tellAll(restored)
  }

  #tellAll(event: StateEvent): void {
    for (const room of this.#open.values()) room.tell(event)
  }

  #tick(): void {
    this.#ticks++
    this.#closeIdle()
    const { isConnected } = this.#options.bus
    if (!isConnected) void this.#refresh(this.#listened(), true)
    else if (this.#isDegraded) void this.#restore()
    else if (this.#ticks % CHECK_EVERY === 0) void this.#refresh(this.#listened(), false)
  }

  /** Brings the rooms to what is stored, by one query for all of them. False: it could not be read, or is under way. */
  async #refresh(rooms: readonly HeldRoom[], hasMissed: boolean): Promise<boolean> {
    if (this.#isRefreshing || this.#isClosed) return false
    this.#isRefreshing = true
    try {
      const stored = await this.#options.repository.findRooms(rooms.map(room => room.channelId))
      for (const room of rooms) await room.refresh(stored.get(room.channelId) ?? NO_ROOM, hasMissed)
      return true
    } catch (err) {
      this.#options.log.warn({ err }, 'the chat could not be read; trying again')
      return false
    } finally {
      this.#isRefreshing = false
    }
  }

  #closeIdle(): void {
    const before = this.#now() - IDLE_MS
    for (const [channelId, room] of this.#open) {
      if ((room.idleSince ?? Number.POSITIVE_INFINITY) > before) continue
      room.close()
      this.#open.delete(channelId)
      this.#rooms.delete(room.slug)
    }
  }
}
