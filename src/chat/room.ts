/** A channel's chat on this instance: who listens, what they may, and what other instances say of it. */
import type { Chatter, Expulsion, Room, RoomListener, Said, Standing } from './chat.ts'
import type { ChatMessage, LoggedEvent, PublicSettings, StateEvent } from './events.ts'
import { checkEntry, checkVoice, Gate, type Verdict } from './gate.ts'
import { Listeners } from './listeners.ts'
import { degraded } from './notices.ts'
import type { PageRequest } from './records.ts'
import type { NewAction, NewMessage, RoomRow } from './repository.ts'
import { type History, placesOf, RoomLog } from './room-log.ts'
import type { RoomChannel, RoomParts } from './room-parts.ts'
import type { RoomText } from './room-texts.ts'
import { RoomWire } from './room-wire.ts'
import { parseCommand } from './rules/commands.ts'
import { normalizeText } from './rules/text.ts'
import { keptSince, publicOf, type RoomSettings, readSettings } from './settings.ts'
import { Standings } from './standings.ts'

const STANDING_MAX_AGE_MS = 60_000
/** While nobody would say that something changed. */
const AWAY_MAX_AGE_MS = 2_000
const MAX_READ = 1_000

export class HeldRoom implements Room {
  readonly channelId: string
  readonly slug: string
  readonly ownerId: string
  readonly standings: Standings
  readonly #parts: RoomParts
  readonly #gate: Gate
  readonly #listeners: Listeners
  readonly #wire: RoomWire
  #log!: RoomLog
  #public: PublicSettings
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
    this.#idleSince = parts.now()
    this.#listeners = new Listeners(parts.log)
    const { members, guestKey, now, bus, repository } = parts
    this.standings = new Standings({
      ...{ channelId: channel.id, ownerId: channel.ownerId, members, guestKey, now },
      maxAgeMs: () => (bus.isConnected ? STANDING_MAX_AGE_MS : AWAY_MAX_AGE_MS),
    })
    const settings = readSettings(stored.settings)
    const findLastSentAt = (accountId: string) => repository.findLastSentAt(channel.id, accountId)
    this.#gate = new Gate({ settings, findLastSentAt })
    this.#public = publicOf(settings)
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
    return this.#gate.settings
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
    const rank = await this.standings.of(chatter)
    checkEntry(rank)
    const { username, badges, isModerator, timedOutUntil } = rank
    return { username, badges, isModerator, timedOutUntil }
  }

  async say(chatter: Chatter, said: { text: string; replyTo?: string | undefined }): Promise<Said> {
    const text = normalizeText(said.text)
    const rank = await this.standings.of(chatter)
    const now = this.#parts.now()
    const command = parseCommand(text)
    if (command) {
      checkVoice(rank, this.#gate.settings, now)
      return { outcome: 'done', text: await this.#parts.runCommand(this, chatter.account, command) }
    }
    const { verdict, undo } = await this.#gate.judge(rank, text, now)
    try {
      const replyTo = said.replyTo === undefined ? null : excerptOf(await this.#log.getVisible(said.replyTo))
      const streamId = await this.#parts.findStreamId(this.channelId)
      const draft = { channelId: this.channelId, streamId, rank, address: chatter.address, text, replyTo }
      const { stored, shown } = await this.#parts.composer.compose({ ...draft, sentAt: new Date(now) })
      return await this.#record(verdict, stored, shown)
    } catch (error) {
      undo()
      throw error
    }
  }

  async read(after: number, limit: number): Promise<{ events: LoggedEvent[]; isGap: boolean }> {
    return this.#log.read(after, Math.min(limit, MAX_READ))
  }

  async history(page: PageRequest): Promise<History> {
    return this.#log.history(page)
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

  async #record(verdict: Verdict, stored: NewMessage, shown: ChatMessage): Promise<Said> {
    const { repository } = this.#parts
    if (verdict === 'show') {
      const message = await this.#log.write(stored, shown)
      this.#parts.onSent()
      return { outcome: 'sent', message }
    }
    if (verdict === 'hide') {
      await repository.insertUnplaced(this.channelId, stored, 'hidden')
      return { outcome: 'hidden', message: shown }
    }
    await repository.insertUnplaced(this.channelId, stored, 'held', verdict.hold)
    await this.spread({ type: 'moderators', event: { type: 'held', message: shown, reason: verdict.hold } })
    return { outcome: 'held', text: 'Your message waits for a moderator.' }
  }

  #logOptions() {
    const { repository, composer, log } = this.#parts
    return {
      ...{ channelId: this.channelId, repository, composer, keptSince: () => this.keptSince },
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
    this.#gate.heard(author, Date.parse(sentAt))
    if (author.id) this.standings.markSpoken(author.id)
  }

  #expel(expulsion: Expulsion): void {
    this.#listeners.each(listener => listener.onExpelled?.(expulsion))
  }

  async #readRanges(): Promise<void> {
    for (const addressRange of await this.standings.readRanges())
      this.#expel({ addressRange, reason: BANNED })
  }

  #applySettings(stored: RoomRow): void {
    this.#gate.settings = readSettings(stored.settings)
    const settings = publicOf(this.#gate.settings)
    if (Bun.deepEquals(settings, this.#public)) return
    this.#public = settings
    this.tell({ type: 'settings', settings })
  }
}

const BANNED = 'You are banned from this chat.'

function excerptOf({ id, author, text }: ChatMessage): NonNullable<ChatMessage['replyTo']> {
  return { id, username: author.username, text }
}
