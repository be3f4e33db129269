/** Channels with videos and recordings, people, and the rules of clips over them. */
import { eq } from 'drizzle-orm'
import { deriveKey } from '../../src/accounts/secret.ts'
import type { ChatService } from '../../src/chat/service.ts'
import { ClipsRepository } from '../../src/clips/repository.ts'
import { type ClipOf, ClipsService, type ClipsServiceOptions } from '../../src/clips/service.ts'
import { channels as channelTable } from '../../src/db/schema.ts'
import { createLog } from '../../src/log.ts'
import { type OpenedPlayback, openPlayback } from '../../src/playback/open-playback.ts'
import { LocalBus } from '../../src/redis/local-bus.ts'
import type { Vod, VodVisibility } from '../../src/vod/service.ts'
import { createChat } from '../chat/chats.ts'
import { type DatabaseKind, openTestDatabase, type TestDatabase } from '../support/database.ts'
import {
  createAccount,
  createChannel,
  createServices,
  TEST_SECRET,
  type TestServices,
} from '../support/platform.ts'
import { createVods, segmentRow, type TestVods } from '../support/vods.ts'

const log = createLog('silent')
const START = 1_800_000_000_000

export interface Person {
  readonly id: string
  readonly username: string
}

export class ClipSite implements AsyncDisposable {
  now = START
  /** Clips that jobs were sent for. */
  readonly started: string[] = []
  readonly opened: TestDatabase
  readonly services: TestServices
  readonly made: TestVods
  readonly repository: ClipsRepository
  readonly chat: ChatService
  readonly clips: ClipsService
  readonly #bus: LocalBus
  readonly playback: OpenedPlayback

  private constructor(opened: TestDatabase, bus: LocalBus, playback: OpenedPlayback) {
    const now = () => this.now
    this.opened = opened
    this.#bus = bus
    this.playback = playback
    this.services = createServices(opened.database, { now })
    this.made = createVods(opened.database, { now })
    this.repository = new ClipsRepository(opened.database.db)
    this.chat = createChat(opened.database, this.services, this.#bus, { now })
    this.clips = new ClipsService(this.parts())
  }

  static async open(kind: DatabaseKind): Promise<ClipSite> {
    const opened = await openTestDatabase(kind)
    const bus = new LocalBus({ log })
    const { db } = opened.database
    const playback = await openPlayback({
      db,
      bus,
      log,
      key: deriveKey(TEST_SECRET, 'playback'),
      now: () => START,
    })
    return new ClipSite(opened, bus, playback)
  }

  parts(): ClipsServiceOptions {
    const { repository, made, services, chat } = this
    return {
      ...{ clips: repository, vods: made.vods, manifest: made.manifest, channels: services.channels },
      titles: chat.texts,
      admission: this.playback.service,
      start: async id => void this.started.push(id),
      now: () => this.now,
    }
  }

  person(): Promise<Person> {
    return createAccount(this.services)
  }

  /** A channel with these settings. */
  async channel(settings: Partial<typeof channelTable.$inferSelect> = {}) {
    const owner = await this.person()
    const channel = await createChannel(this.services, owner.id)
    const { db } = this.opened.database
    if (Object.keys(settings).length > 0)
      await db.update(channelTable).set(settings).where(eq(channelTable.id, channel.id))
    return { owner, channel }
  }

  /** A finished one of 200 seconds. */
  async video(channelId: string, visibility: Exclude<VodVisibility, 'off'> = 'public'): Promise<Vod> {
    const { vods, manifest } = this.made
    const { id } = await vods.create({ channelId, kind: 'upload', title: 'a video', visibility })
    await manifest.addSegments(Array.from({ length: 100 }, (_, sequence) => segmentRow(id, sequence)))
    await vods.finish(id)
    return vods.get(id)
  }

  /** Four seconds are stored of it. */
  async recording(channelId: string, visibility: VodVisibility): Promise<Vod> {
    const { vods, manifest } = this.made
    const { id: streamId } = await this.services.streams.open(channelId)
    const { id } = await vods.openRecording({ streamId, instanceId: null, visibility })
    await manifest.addSegments([segmentRow(id, 0), segmentRow(id, 1)])
    return vods.get(id)
  }

  /** From 2 s to 12 s unless told. */
  cut(maker: Person, of: ClipOf | Pick<Vod, 'id'>, fromMs = 2_000, toMs = 12_000, title = 'a clip') {
    const request = { of: 'id' in of ? { vodId: of.id } : of, fromMs, toMs, title, isExact: false }
    return this.clips.create(makerOf(maker), request)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.chat.close()
    await this.playback[Symbol.asyncDispose]()
    await this.#bus.close()
    await this.opened[Symbol.asyncDispose]()
  }
}

export function makerOf(account: Person) {
  return { account, address: '192.0.2.1' }
}

export function reasonOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'accepted',
    error => error.reason as string,
  )
}
