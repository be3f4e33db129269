/** Channels with a video, people who comment on it, and the services that know them. */
import { deriveKey } from '../../src/accounts/secret.ts'
import type { ChatService } from '../../src/chat/service.ts'
import { CommentsRepository } from '../../src/comments/repository.ts'
import { CommentsService, type Visitor } from '../../src/comments/service.ts'
import { createLog } from '../../src/log.ts'
import { openPlayback } from '../../src/playback/open-playback.ts'
import type { PlaybackService } from '../../src/playback/service.ts'
import { LocalBus } from '../../src/redis/local-bus.ts'
import { ShownVods } from '../../src/vod/shown-vods.ts'
import { channelWithOwner, chatter, createChat } from '../chat/chats.ts'
import type { TestDatabase } from '../support/database.ts'
import { createServices, TEST_SECRET } from '../support/platform.ts'
import { createVods } from '../support/vods.ts'

export interface BelowVideos extends AsyncDisposable {
  readonly chat: ChatService
  readonly comments: CommentsService
  readonly playback: PlaybackService
  /** A public video of a new channel. */
  video(visibility?: 'public' | 'unlisted' | 'private'): Promise<Video>
  person(): Promise<Visitor>
}

/** Who is not signed in. */
export const nobody = { account: undefined, address: '192.0.2.9' }

export interface Video {
  readonly vodId: string
  readonly slug: string
  readonly owner: Visitor
  readonly channelId: string
}

export async function openBelowVideos(
  { database }: TestDatabase,
  clock: { now: number },
): Promise<BelowVideos> {
  const now = () => clock.now
  const services = createServices(database, { now })
  const { vods } = createVods(database, { now })
  const log = createLog('silent')
  const bus = new LocalBus({ log })
  const key = deriveKey(TEST_SECRET, 'playback')
  const playback = await openPlayback({ db: database.db, bus, key, log, now })
  const shown = new ShownVods({ vods, playback: playback.service })
  const chat = createChat(database, services, bus, { now })
  const repository = new CommentsRepository(database.db)
  return {
    chat,
    playback: playback.service,
    comments: new CommentsService({ comments: repository, rules: chat.texts, shown, now }),
    video: async (visibility = 'public') => {
      const { owner, channel, slug } = await channelWithOwner(services)
      const made = { channelId: channel.id, kind: 'upload' as const, title: 'A video', visibility }
      const { id: vodId } = await vods.create(made)
      await vods.finish(vodId)
      return { vodId, slug, owner, channelId: channel.id }
    },
    person: () => chatter(services),
    [Symbol.asyncDispose]: async () => {
      await chat.close()
      await playback[Symbol.asyncDispose]()
      await bus.close()
    },
  }
}
