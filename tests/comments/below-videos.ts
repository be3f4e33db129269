/** Channels with a video, people who comment on it, and the services that know them. */
import type { ChatService } from '../../src/chat/service.ts'
import { CommentsRepository } from '../../src/comments/repository.ts'
import { CommentsService, type Visitor } from '../../src/comments/service.ts'
import { createLog } from '../../src/log.ts'
import { LocalBus } from '../../src/redis/local-bus.ts'
import { channelWithOwner, chatter, createChat } from '../chat/chats.ts'
import type { TestDatabase } from '../support/database.ts'
import { createServices } from '../support/platform.ts'
import { createVods } from '../support/vods.ts'

export interface BelowVideos extends AsyncDisposable {
  readonly chat: ChatService
  readonly comments: CommentsService
  /** A public video of a new channel. */
  video(visibility?: 'public' | 'unlisted' | 'private'): Promise<Video>
  person(): Promise<Visitor>
}

export interface Video {
  readonly vodId: string
  readonly slug: string
  readonly owner: Visitor
  readonly channelId: string
}

export function openBelowVideos({ database }: TestDatabase, clock: { now: number }): BelowVideos {
  const now = () => clock.now
  const services = createServices(database, { now })
  const { vods } = createVods(database, { now })
  const bus = new LocalBus({ log: createLog('silent') })
  const chat = createChat(database, services, bus, { now })
  const repository = new CommentsRepository(database.db)
  return {
    chat,
    comments: new CommentsService({ comments: repository, rules: chat.texts, vods, now }),
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
      await bus.close()
    },
  }
}
