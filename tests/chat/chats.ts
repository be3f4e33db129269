/** Chats of several instances on one database and one bus, and listeners that remember what they were told. */
import type { Chatter, Expulsion, Room } from '../../src/chat/chat.ts'
import type { LoggedEvent, ModeratorEvent, RoomEvent } from '../../src/chat/events.ts'
import { MembersRepository } from '../../src/chat/members-repository.ts'
import { ChatRepository } from '../../src/chat/repository.ts'
import { ChatService, type ChatServiceOptions } from '../../src/chat/service.ts'
import type { Database } from '../../src/db/database.ts'
import { createLog } from '../../src/log.ts'
import type { Bus } from '../../src/redis/bus.ts'
import { createAccount, createChannel, type TestServices } from '../support/platform.ts'

const log = createLog('silent')
const UNLIMITED = { burst: 1e9, perSecond: 1e9 }

/** A wire between instances that can be cut; each instance has its own end. */
export class TestWire {
  readonly #ends = new Set<TestBus>()
  isCut = false
  /** Told instead of delivering: whether this text is to be lost. */
  loses: (text: string) => boolean = () => false

  end(): TestBus {
    const end = new TestBus(this)
    this.#ends.add(end)
    return end
  }

  cut(isCut: boolean): void {
    this.isCut = isCut
    for (const end of this.#ends) end.tellConnection(!isCut)
  }

  carry(topic: string, text: string): void {
    if (this.loses(text)) return
    for (const end of this.#ends) queueMicrotask(() => end.hear(topic, text))
  }
}

export class TestBus implements Bus {
  readonly #wire: TestWire
  readonly #listeners = new Map<string, Set<(text: string) => void>>()
  readonly #onConnection = new Set<(isConnected: boolean) => void>()

  constructor(wire: TestWire) {
    this.#wire = wire
  }

  get isConnected(): boolean {
    return !this.#wire.isCut
  }

  async publish(topic: string, text: string): Promise<void> {
    if (this.#wire.isCut) throw new Error('the wire is cut')
    this.#wire.carry(topic, text)
  }

  async subscribe(topic: string, listener: (text: string) => void): Promise<() => void> {
    const listeners = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  onConnection(listener: (isConnected: boolean) => void): () => void {
    this.#onConnection.add(listener)
    return () => this.#onConnection.delete(listener)
  }

  hear(topic: string, text: string): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener(text)
  }

  tellConnection(isConnected: boolean): void {
    for (const listener of this.#onConnection) listener(isConnected)
  }

  async close(): Promise<void> {}
}

export function createChat(
  database: Database,
  services: TestServices,
  bus: Bus,
  options: Partial<Pick<ChatServiceOptions, 'now' | 'repository' | 'rates'>> = {},
): ChatService {
  return new ChatService({
    repository: new ChatRepository(database.db),
    members: new MembersRepository(database.db),
    ...{ bus, log, channels: services.channels, streams: services.streams },
    emotes: { resolve: async () => [] },
    guestKey: 'a key of tests',
    react: () => {},
    arrive: () => () => {},
    rates: { account: UNLIMITED, address: UNLIMITED },
    ...options,
  })
}

export interface Heard {
  readonly events: RoomEvent[]
  readonly moderation: ModeratorEvent[]
  /** Texts that only their authors are to be shown. */
  readonly hidden: string[]
  readonly expulsions: Expulsion[]
  readonly standings: string[]
  /** Those with a place. */
  readonly logged: LoggedEvent[]
  /** What a viewer sees in the end. */
  readonly texts: string[]
  /** How many there were each time. */
  readonly batches: number[]
}

export function listen(room: Room): Heard {
  const events: RoomEvent[] = []
  const [moderation, expulsions]: [ModeratorEvent[], Expulsion[]] = [[], []]
  const [standings, batches, hidden]: [string[], number[], string[]] = [[], [], []]
  room.listen({
    onEvents: some => {
      events.push(...some)
      batches.push(some.length)
    },
    onModeratorEvent: event => moderation.push(event),
    onHidden: message => hidden.push(message.text),
    onExpelled: expulsion => expulsions.push(expulsion),
    onStandingChanged: accountId => standings.push(accountId ?? 'everybody'),
  })
  return {
    ...{ events, moderation, hidden, expulsions, standings, batches },
    get logged() {
      return events.filter(event => 'seq' in event)
    },
    get texts() {
      return shownOf(this.logged)
    },
  }
}

/** What is left on a screen after these events. */
export function shownOf(events: readonly LoggedEvent[]): string[] {
  let shown: { id: string; username: string; text: string }[] = []
  for (const event of events) {
    if (event.type === 'message') {
      const { id, author, text } = event.message
      shown.push({ id, username: author.username, text })
    } else if (event.type === 'cleared') shown = []
    else if (event.type === 'deleted') shown = shown.filter(each => each.id !== event.id)
    else shown = shown.filter(each => each.username !== event.account.username)
  }
  return shown.map(each => each.text)
}

let addresses = 0

/** Somebody with an account. */
export async function chatter(
  services: TestServices,
): Promise<Chatter & { account: { id: string; username: string } }> {
  const { id, username } = await createAccount(services)
  return { account: { id, username }, address: nextAddress(), viewerKey: crypto.randomUUID() }
}

export function guest(address = nextAddress()): Chatter {
  return { account: undefined, address, viewerKey: crypto.randomUUID() }
}

function nextAddress(): string {
  addresses++
  return `198.${18 + (addresses >> 16)}.${(addresses >> 8) & 255}.${addresses & 255}`
}

export async function channelWithOwner(services: TestServices) {
  const owner = await chatter(services)
  const channel = await createChannel(services, owner.account.id)
  return { owner, channel, slug: channel.slug }
}
