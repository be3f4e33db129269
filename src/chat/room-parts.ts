/** What a room is made with. */
import type { Log } from '../log.ts'
import type { Bus } from '../redis/bus.ts'
import type { Chatter } from './chat.ts'
import type { Composer } from './composer.ts'
import type { MembersRepository } from './members-repository.ts'
import type { Actor } from './records.ts'
import type { ChatRepository } from './repository.ts'
import type { HeldRoom } from './room.ts'
import type { Command } from './rules/commands.ts'
import type { SendLimits } from './send-limits.ts'

export interface RoomParts {
  readonly repository: ChatRepository
  readonly members: MembersRepository
  readonly composer: Composer
  readonly bus: Bus
  /** Tells this process's own texts from others'. */
  readonly instanceId: string
  readonly guestKey: string
  /** What everybody may send at all; shared by all rooms. */
  readonly limits: SendLimits
  readonly findStreamId: (channelId: string) => Promise<string | null>
  /** Answers what its author is told. */
  readonly runCommand: (room: HeldRoom, actor: Actor | undefined, command: Command) => Promise<string>
  readonly react: (room: HeldRoom, chatter: Chatter, reaction: string) => void
  /** A message of this instance is stored and to be heard. */
  readonly onSent: () => void
  readonly arrive: (room: HeldRoom, chatter: Chatter, username: string) => () => void
  readonly now: () => number
  readonly log: Log
}

export interface RoomChannel {
  readonly id: string
  readonly slug: string
  readonly ownerId: string
}
