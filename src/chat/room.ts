/** A channel's chat on this instance: who listens, what they may, and what other instances say of it. */
import type { Chatter, Expulsion, Room, RoomListener, Said, Standing } from './chat.ts'
import type { ChatMessage, LoggedEvent, PublicSettings, StateEvent } from './events.ts'
import { checkEntry, checkMember, Gate } from './gate.ts'
import { Listeners } from './listeners.ts'
import { degraded } from './notices.ts'
import { OwnMessages } from './own-messages.ts'
import type { PageRequest } from './records.ts'
import type { NewAction, RoomRow } from './repository.ts'
import { type History, placesOf, RoomLog } from './room-log.ts'
import type { RoomChannel, RoomParts } from './room-parts.ts'
import type { RoomText } from './room-texts.ts'
import { RoomWire } from './room-wire.ts'
import { keptSince, publicOf, type RoomSettings, readSettings } from './settings.ts'
import { Speech } from './speech.ts'
import { type Rank, Standings } from './standings.ts'

const STANDING_MAX_AGE_MS = 60_000
/** While nobody would say that something changed. */
const AWAY_MAX_AGE_MS = 2_000
const MAX_READ = 1_000

export class HeldRoom implements Room {
  readonly channelId: string
  readonly slug: string
  readonly ownerId: string
  readonly standings: Standings
  readonly gate: Gate
  readonly #parts: RoomParts
  readonly #listeners: Listeners
  readonly #wire: RoomWire
  readonly #own: OwnMessages
  #log!: RoomLog
  #speech!: Speech
  #public: PublicSettings
  #isForMembers: boolean
  #holders = 0
  #idleSince: number

  private constructor(
    channel: RoomChannel,
    parts: RoomParts,
    { stored, wire }: { stored: RoomRow; wire: RoomWire },
  ) {
    this.channelId = channel.id
    this.slug = channel.slug
    this.ownerId = channel.ownerId
    this.#parts = parts
    this.#wire = wire
    this.#own = new OwnMessages(this.#storeOptions())
    this.#idleSince = parts.now()
    this.#listeners = new Listeners(parts.log)
    const { members, guestKey, now, bus, repository } = parts
    this.standings = new Standings({
      ...{ channelId: channel.id, ownerId: channel.ownerId, members, guestKey, now },
      maxAgeMs: () => (bus.isConnected ? STANDING_MAX_AGE_MS : AWAY_MAX_AGE_MS),
    })
    const settings = readSettings(stored.settings)
    const findLastSentAt = (accountId: string) => repository.findLastSentAt(channel.id, accountId)
    this.gate = new Gate({ settings, findLastSentAt })
    this.#public = publicOf(settings)
    this.#isForMembers = stored.isForMembers
  }

  static async open(channel: RoomChannel, parts: RoomParts): Promise<HeldRoom> {
    const { bus, instanceId, log, repository } = parts
    // First heard, then read: nothing falls in between.
    const wire = await RoomWire.open({ channelId: channel.id, bus, instanceId, log })
    try {
      const stored = await repository.findRoom(channel.id)
      const room = new HeldRoom(channel, parts, { stored, wire })
      await room.standings.readRanges()
      room.#log = await RoomLog.open(room.#logOptions(), placesOf(stored))
      room.#speech = new Speech({ room, parts, gate: room.gate, log: room.#log })
      wire.start(text => room.#obey(text))
      return room
    } catch (error) {
      wire.close()
      throw error
    }
  }

  get settings(): PublicSettings {
    return this.#public
  }

  get allSettings(): RoomSettings {
    return this.gate.settings
  }

  get seq(): number {
    return this.#log.seq
  }

  get keptSince(): number {
    return keptSince(this.allSettings, this.#parts.now())
  }

  get hasListeners(): boolean {
    return this.#listeners.size > 0
  }

  /** Since when nobody holds it or listens, in milliseconds since the epoch; undefined: somebody does. */
  get idleSince(): number | undefined {
    return this.#holders > 0 || this.hasListeners ? undefined : this.#idleSince
  }

  hold(): this {
    this.#holders++
    return this
  }

  release(): void {
    this.#holders = Math.max(0, this.#holders - 1)
    this.#idleSince = this.#parts.now()
  }

  listen(listener: RoomListener): () => void {
    const stop = this.#listeners.add(listener)
    let isListening = true
    if (!this.#parts.bus.isConnected)
      queueMicrotask(() => {
        if (isListening) listener.onEvents([degraded])
      })
    return () => {
      isListening = false
      if (stop()) this.#idleSince = this.#parts.now()
    }
  }

  async enter(chatter: Chatter): Promise<Standing> {
    const rank = await this.rankOf(chatter)
    checkEntry(rank)
    const { username, badges, isModerator, timedOutUntil } = rank
    return { username, badges, isModerator, timedOutUntil }
  }

  /** What somebody is who may read here. Throws `AppError` FORBIDDEN (`chat_members_only`). */
  async rankOf(chatter: Chatter): Promise<Rank> {
    const rank = await this.standings.of(chatter)
    if (this.#isForMembers) checkMember(rank)
    return rank
  }

  say(chatter: Chatter, said: { text: string; replyTo?: string | undefined }): Promise<Said> {
    return this.#speech.say(chatter, said)
  }

  async read(after: number, limit: number): Promise<{ events: LoggedEvent[]; isGap: boolean }> {
    return this.#log.read(after, Math.min(limit, MAX_READ))
  }

  /** With what `reader` alone is shown. Throws as `rankOf`. */
  async history(page: PageRequest, reader: Chatter | undefined): Promise<History> {
    if (!reader && this.#isForMembers) checkMember({ badges: [] })
    const hasHidden = reader && (await this.rankOf(reader)).hasHidden
    const history = await this.#log.history(page)
    if (!hasHidden) return history
    const { account, address } = reader
    return this.#own.addTo(history, account ? { accountId: account.id } : { address }, page)
  }

  react(chatter: Chatter, reaction: string): void {
    this.#parts.react(this, chatter, reaction)
  }

  arrive(chatter: Chatter, username: string): () => void {
    return this.#parts.arrive(this, chatter, username)
  }

  /** Stores what a moderator did, and tells those who are there; `shown`: the held message that it shows. */
  async act(action: NewAction, shown?: ChatMessage): Promise<void> {
    await this.#log.act(action, shown)
  }

  /** Has `text` heard here and on every other instance; what was stored by it comes before. */
  async spread(text: RoomText): Promise<void> {
    this.#wire.publish(text)
    await this.#obey(text)
  }

  /** The channel's visibility may have changed. */
  async checkVisibility(): Promise<void> {
    this.#applySettings(await this.#parts.repository.findRoom(this.channelId))
  }

  /** Tells only those who listen here. */
  tell(event: StateEvent): void {
    this.#listeners.each(listener => listener.onEvents([event]))
  }

  /** Brings it to what is stored; `hasMissed`: texts of other instances may have been lost. */
  async refresh(stored: RoomRow, hasMissed: boolean): Promise<void> {
    this.#applySettings(stored)
    if (hasMissed) {
      this.standings.forget()
      await this.#readRanges()
    }
    await this.#log.catchUp(placesOf(stored))
  }

  close(): void {
    this.#wire.close()
    this.#log.close()
    this.#listeners.clear()
  }

  #storeOptions() {
    const { repository, composer } = this.#parts
    return { channelId: this.channelId, repository, composer, keptSince: () => this.keptSince }
  }

  #logOptions() {
    const { log } = this.#parts
    return {
      ...this.#storeOptions(),
      tell: (events: readonly LoggedEvent[]) => this.#tellLogged(events),
      publish: (events: readonly LoggedEvent[]) => this.#wire.publish({ type: 'events', events }),
      onError: (err: unknown) =>
        log.warn({ err, slug: this.slug }, 'the chat could not be read; trying again'),
    }
  }

  async #obey(text: RoomText): Promise<void> {
    switch (text.type) {
      case 'events':
        return this.#log.accept(text.events)
      case 'settings':
        return this.#applySettings(await this.#parts.repository.findRoom(this.channelId))
      case 'ranges':
        return this.#readRanges()
      case 'standing':
        this.standings.forget(text.accountId)
        return this.#listeners.each(listener => listener.onStandingChanged?.(text.accountId))
      case 'hidden':
        if ('accountId' in text.author) this.standings.markHidden(text.author.accountId)
        return this.#listeners.each(listener => listener.onHidden?.(text.message, text.author))
      case 'moderators':
        return this.#listeners.each(listener => listener.onModeratorEvent?.(text.event))
      default:
        return text satisfies never
    }
  }

  #tellLogged(events: readonly LoggedEvent[]): void {
    for (const event of events) {
      if (event.type === 'message') this.#noteMessage(event.message)
      else if (event.type === 'expelled' && event.account.id) this.standings.forget(event.account.id)
    }
    this.#listeners.each(listener => listener.onEvents(events))
    for (const event of events)
      if (event.type === 'expelled' && event.seconds === undefined && event.account.id)
        this.#expel({ accountId: event.account.id, reason: BANNED })
  }

  #noteMessage({ author, sentAt }: ChatMessage): void {
    this.gate.heard(author, Date.parse(sentAt))
    if (author.id) this.standings.markSpoken(author.id)
  }

  #expel(expulsion: Expulsion): void {
    this.#listeners.each(listener => listener.onExpelled?.(expulsion))
  }

  async #readRanges(): Promise<void> {
    const added = await this.standings.readRanges()
    if (added.length === 0) return
    const roles = await this.#parts.members.listRoles(this.channelId)
    const moderators = roles.filter(({ role }) => role === 'moderator').map(({ account }) => account.id)
    const exempt = [this.ownerId, ...moderators]
    for (const addressRange of added) this.#expel({ addressRange, exempt, reason: BANNED })
  }

  #applySettings(stored: RoomRow): void {
    this.gate.settings = readSettings(stored.settings)
    const isClosed = stored.isForMembers && !this.#isForMembers
    this.#isForMembers = stored.isForMembers
    if (isClosed) this.#listeners.each(listener => listener.onStandingChanged?.())
    const settings = publicOf(this.gate.settings)
    if (Bun.deepEquals(settings, this.#public)) return
    this.#public = settings
    this.tell({ type: 'settings', settings })
  }
}

const BANNED = 'You are banned from this chat.'
