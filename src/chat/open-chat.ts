/** Puts the chat together: its rooms, what is in them, and what is told between instances. */
import type { ChannelsService } from '../channels/service.ts'
import { ConnectionTally } from '../connection-tally.ts'
import type { Db } from '../db/database.ts'
import type { Log } from '../log.ts'
import type { Bus } from '../redis/bus.ts'
import type { StreamsService } from '../streams/service.ts'
import type { ShownVods, VodService } from '../vod/service.ts'
import type { Chatter } from './chat.ts'
import { Composer } from './composer.ts'
import { Emotes } from './emotes.ts'
import { EmoteImages } from './emotes-image.ts'
import { EmotesRepository } from './emotes-repository.ts'
import type { StateEvent } from './events.ts'
import { Likes } from './likes.ts'
import { MembersRepository } from './members-repository.ts'
import { OpenStreams } from './open-streams.ts'
import { Reactions } from './reactions.ts'
import { Replay } from './replay.ts'
import { ReplayRepository } from './replay-repository.ts'
import { ChatRepository } from './repository.ts'
import { Retention } from './retention.ts'
import { RetentionRepository } from './retention-repository.ts'
import { ChatService } from './service.ts'
import { ChatTally } from './tally.ts'
import { ChatTickets } from './tickets.ts'

/** Event streams; WebSockets cost less, and have limits of their own. */
const MAX_READERS = 20_000
const MAX_READERS_PER_ADDRESS = 1_000

/** Who is there, as far as the chat has to do with it. */
export interface ChatPresence {
  arrive(channelId: string, who: { viewerKey: string; username: string; isGuest: boolean }): () => void
  onChange(
    channelId: string,
    listener: (change: Omit<StateEvent & { type: 'presence' }, 'type'>) => void,
  ): () => void
}

export interface OpenChatOptions {
  readonly db: Db
  readonly bus: Bus
  readonly channels: ChannelsService
  readonly streams: StreamsService
  readonly vods: VodService
  /** Those that who asks may watch. */
  readonly shown: ShownVods
  readonly presence: ChatPresence
  /** Somebody has got a role in the channel, or lost it; it is stored. */
  readonly onRolesChanged?: (channelId: string) => Promise<void>
  /** 32 bytes, the same on every instance. */
  readonly ticketKey: Uint8Array
  /** Makes guests' names of their addresses; the same on every instance. */
  readonly guestKey: string
  readonly log: Log
}

/** All of it, and how to close it. */
export interface OpenedChat extends AsyncDisposable {
  readonly rooms: ChatService
  readonly replay: Replay
  readonly emotes: Emotes
  readonly likes: Likes
  readonly tickets: ChatTickets
  readonly tally: ChatTally
  /** Event streams that are open. */
  readonly readers: ConnectionTally
}

export async function openChat(options: OpenChatOptions): Promise<OpenedChat> {
  const { onRolesChanged } = options
  const { db, bus, channels, streams, presence, ticketKey, guestKey, log } = options
  const openStreams = new OpenStreams({ streams, now: Date.now })
  const emotes = new Emotes({ emotes: new EmotesRepository(db), images: new EmoteImages() })
  const likes = new Likes({ db, onChanged: channelId => reactions.likesChanged(channelId) })
  const reactions = await Reactions.open({
    bus,
    tell: (channelId, event) => rooms.tell(channelId, event),
    countLikes: async channelId => {
      const streamId = await openStreams.find(channelId)
      return streamId === null ? 0 : likes.count(streamId)
    },
  })
  const arrivals = new Arrivals(presence, (channelId, event) => rooms.tell(channelId, event))
  const tally = new ChatTally(bus)
  const repository = new ChatRepository(db)
  const rooms = new ChatService({
    onSent: () => {
      tally.messages++
    },
    ...{ repository, bus, channels, streams, emotes, guestKey, log },
    ...(onRolesChanged && { onRolesChanged }),
    members: new MembersRepository(db),
    react: (channelId, { account, address }, reaction) =>
      reactions.add(channelId, account?.id ?? address, reaction),
    arrive: (channelId, chatter, username) => arrivals.add(channelId, chatter, username),
  })
  const retention = new Retention({ repository: new RetentionRepository(db), now: Date.now, log })
  return {
    ...{ rooms, emotes, likes, tickets: new ChatTickets({ key: ticketKey }), tally },
    replay: createReplay(options, { repository, emotes }),
    readers: new ConnectionTally(MAX_READERS, MAX_READERS_PER_ADDRESS),
    [Symbol.asyncDispose]: async () => {
      likes.close()
      reactions.close()
      await rooms.close()
      await retention.close()
    },
  }
}

function createReplay(
  { db, vods, shown }: OpenChatOptions,
  { repository, emotes }: { repository: ChatRepository; emotes: Emotes },
): Replay {
  const composer = new Composer({ repository, emotes })
  return new Replay({ replay: new ReplayRepository(db), repository, composer, shown, vods, now: Date.now })
}

/** Rooms are told who comes and goes for as long as somebody here is in them. */
class Arrivals {
  readonly #presence: ChatPresence
  readonly #tell: (channelId: string, event: StateEvent) => void
  readonly #rooms = new Map<string, { count: number; readonly stop: () => void }>()

  constructor(presence: ChatPresence, tell: (channelId: string, event: StateEvent) => void) {
    this.#presence = presence
    this.#tell = tell
  }

  /** Answers how they leave, which is idempotent. */
  add(channelId: string, { account, viewerKey }: Chatter, username: string): () => void {
    const leave = this.#presence.arrive(channelId, { viewerKey, username, isGuest: !account })
    const room = this.#rooms.get(channelId) ?? this.#open(channelId)
    room.count++
    let isHere = true
    return () => {
      leave()
      if (isHere && --room.count === 0) {
        room.stop()
        this.#rooms.delete(channelId)
      }
      isHere = false
    }
  }

  #open(channelId: string) {
    const stop = this.#presence.onChange(channelId, change =>
      this.#tell(channelId, { type: 'presence', ...change }),
    )
    const room = { count: 0, stop }
    this.#rooms.set(channelId, room)
    return room
  }
}
