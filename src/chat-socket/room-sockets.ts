/** One room's sockets on this instance: what the room tells is sent to all of them at once. */
import { type AuthorKey, type Expulsion, isAuthor, type Room } from '../chat/chat.ts'
import type { ChatMessage, LoggedEvent, RoomEvent } from '../chat/events.ts'
import { expelledBy } from '../chat/expulsion.ts'
import type { ChatSocket } from './chat-socket.ts'
import { FanOut } from './fan-out.ts'
import { MAX_RECENT_EVENTS, RecentEvents } from './recent-events.ts'

/** What may be told at once to who comes back; beyond it they read the history. */
const MAX_RESUMED_CHARS = 128 * 1024
/** So far ahead of this instance no other is: who asks for it speaks of another room, or of a lost database. */
const MAX_AHEAD = 1_000

export interface RoomSocketsOptions {
  /** Sends `text` to all sockets that have subscribed to `topic`. */
  readonly publish: (topic: string, text: string) => void
  readonly counts: { deliveries: number }
}

export class RoomSockets {
  readonly room: Room
  /** Of everybody, and of owners and moderators alone. */
  readonly topic: string
  readonly moderatorTopic: string
  readonly #members = new Set<ChatSocket>()
  readonly #recent: RecentEvents
  readonly #fanOut: FanOut<RoomEvent>
  readonly #stop: () => void
  readonly #counts: { deliveries: number }
  #holds = 0

  private constructor(room: Room, { publish, counts }: RoomSocketsOptions) {
    this.room = room
    this.#counts = counts
    this.topic = `chat:${room.channelId}`
    this.moderatorTopic = `${this.topic}:moderators`
    this.#recent = new RecentEvents(room.seq)
    this.#fanOut = new FanOut({ publish: text => publish(this.topic, text) }, events => this.#told(events))
    this.#stop = room.listen({
      onEvents: events => this.#fanOut.push(events),
      onModeratorEvent: event => publish(this.moderatorTopic, JSON.stringify(event)),
      onHidden: (message, author) => this.#tellAuthor(message, author),
      onExpelled: expulsion => this.#expel(expulsion),
      onStandingChanged: accountId => {
        const asked = accountId === undefined ? [...this.#members] : this.#membersOf(accountId)
        for (const member of asked) void member.refreshStanding()
      },
    })
  }

  /** Takes over `room`, and lets go of it when it cannot be read. */
  static async open(room: Room, options: RoomSocketsOptions): Promise<RoomSockets> {
    const sockets = new RoomSockets(room, options)
    try {
      await sockets.#remember()
      return sockets
    } catch (error) {
      sockets.#close()
      throw error
    }
  }

  get members(): ReadonlySet<ChatSocket> {
    return this.#members
  }

  /** The place after which sockets that subscribe now are told. */
  get seq(): number {
    return this.#recent.seq
  }

  /** Stays open until `release` has been called as often. */
  hold(): void {
    this.#holds++
  }

  /** Answers whether that was the last, and the room is let go of. */
  release(): boolean {
    this.#holds--
    if (this.#holds > 0) return false
    this.#close()
    return true
  }

  add(member: ChatSocket): void {
    this.#members.add(member)
  }

  remove(member: ChatSocket): void {
    this.#members.delete(member)
  }

  /** What was missed after `seq`, a line each; undefined: too much, or it is not known. */
  missedAfter(seq: number): string[] | undefined {
    if (seq > this.seq + MAX_AHEAD) return undefined
    const lines = this.#recent.after(seq, this.room.keptSince)?.map(event => JSON.stringify(event))
    const chars = lines?.reduce((sum, line) => sum + line.length, 0) ?? 0
    return chars > MAX_RESUMED_CHARS ? undefined : lines
  }

  /** Reads what was told before this instance listened. */
  async #remember(): Promise<void> {
    const limit = MAX_RECENT_EVENTS / 2
    const floor = Math.max(0, this.room.seq - limit)
    const { events, isGap } = await this.room.read(floor, limit)
    this.#recent.prepend(events, isGap && events[0] ? events[0].seq - 1 : floor)
  }

  #told(events: readonly RoomEvent[]): void {
    this.#counts.deliveries += events.length * this.#members.size
    for (const event of events) if (isLogged(event)) this.#recent.add(event)
  }

  /** On all of their connections here, like any other message. */
  #tellAuthor(message: ChatMessage, author: AuthorKey): void {
    const text = JSON.stringify({ seq: this.seq, type: 'message', message })
    for (const member of this.#members) if (isAuthor(author, member.chatter)) member.send(text)
  }

  #expel(expulsion: Expulsion): void {
    const isExpelled = expelledBy(expulsion)
    for (const member of [...this.#members]) if (isExpelled(member.chatter)) member.expel(expulsion.reason)
  }

  #membersOf(accountId: string): ChatSocket[] {
    return [...this.#members].filter(member => member.chatter.account?.id === accountId)
  }

  #close(): void {
    this.#stop()
    this.#fanOut.close()
    this.room.release()
  }
}

function isLogged(event: RoomEvent): event is LoggedEvent {
  return 'seq' in event
}
