/** One channel's chat for all IRC clients that are in it: each event is written once for each form that clients want. */
import { type Chat, type Chatter, type Expulsion, isAuthor, type Room } from '../chat/chat.ts'
import type { ModeratorEvent, RoomEvent } from '../chat/events.ts'
import type { CapabilitySet } from './capabilities.ts'
import { formatMessage } from './message.ts'
import { linesOf } from './room-lines.ts'

/** A client in a room. */
export interface Member {
  readonly capabilities: CapabilitySet
  readonly chatter: Chatter
  /** `text`: the lines that tell it, maybe none. */
  tell(room: Room, event: RoomEvent, text: string): void
  /** A ban; the member finds out whether it is meant. */
  /** Members who may not see it say nothing. */
  tellModerator(room: Room, event: ModeratorEvent): void
  expel(room: Room, expulsion: Expulsion): void
  standingChanged(room: Room, accountId?: string): void
}

/** The rooms that clients are in. A room is let go of when the last has left. */
export class IrcRooms {
  readonly #chat: Chat
  readonly #rooms = new Map<string, IrcRoom>()
  readonly #onDelivered: (clients: number) => void

  /** `onDelivered`: so many clients were told an event. */
  constructor(chat: Chat, onDelivered: (clients: number) => void) {
    this.#chat = chat
    this.#onDelivered = onDelivered
  }

  /** Throws what `Chat.open` and `admit` throw; then `member` is in no room. */
  async join<T>(slug: string, member: Member, admit: (room: Room) => Promise<T>): Promise<T> {
    const room = await this.#chat.open(slug)
    try {
      const admitted = await admit(room)
      const held = this.#rooms.get(slug)
      const shared = held ?? new IrcRoom(room, this.#onDelivered)
      this.#rooms.set(slug, shared)
      // Each of `open` holds the room once, and the first hold is enough.
      if (held) room.release()
      shared.add(member)
      return admitted
    } catch (error) {
      room.release()
      throw error
    }
  }

  leave(slug: string, member: Member): void {
    const room = this.#rooms.get(slug)
    if (!room?.remove(member)) return
    this.#rooms.delete(slug)
    room.close()
  }

  close(): void {
    for (const room of this.#rooms.values()) room.close()
    this.#rooms.clear()
  }
}

class IrcRoom {
  readonly #room: Room
  readonly #members = new Set<Member>()
  readonly #onDelivered: (clients: number) => void
  readonly #stop: () => void

  constructor(room: Room, onDelivered: (clients: number) => void) {
    this.#room = room
    this.#onDelivered = onDelivered
    this.#stop = room.listen({
      onEvents: events => {
        for (const event of events) this.#tell(event, this.#members)
      },
      onHidden: (message, author) => {
        const told = [...this.#members].filter(({ chatter }) => isAuthor(author, chatter))
        this.#tell({ seq: room.seq, type: 'message', message }, told)
      },
      onModeratorEvent: event => {
        for (const member of this.#members) member.tellModerator(room, event)
      },
      onExpelled: expulsion => {
        for (const member of [...this.#members]) member.expel(room, expulsion)
      },
      onStandingChanged: accountId => {
        for (const member of [...this.#members]) member.standingChanged(room, accountId)
      },
    })
  }

  add(member: Member): void {
    this.#members.add(member)
  }

  /** Whether it was the last. */
  remove(member: Member): boolean {
    return this.#members.delete(member) && this.#members.size === 0
  }

  close(): void {
    this.#stop()
    this.#room.release()
  }

  #tell(event: RoomEvent, members: Iterable<Member>): void {
    const texts = new Map<string, string>()
    let count = 0
    for (const member of members) {
      count++
      const { capabilities } = member
      let text = texts.get(capabilities.key)
      if (text === undefined) {
        text = linesOf(event, this.#room, capabilities).map(formatMessage).join('')
        texts.set(capabilities.key, text)
      }
      member.tell(this.#room, event, text)
    }
    this.#onDelivered(count)
  }
}
