/** One channel with its owner and a stranger, at a real database, and a clock that tests move. */

import { chatRoles } from '../../src/db/chat-schema.ts'
import { AppError } from '../../src/errors.ts'
import { createLog } from '../../src/log.ts'
import type { Visibility } from '../../src/playback/access.ts'
import { type OpenedPlayback, openPlayback } from '../../src/playback/open-playback.ts'
import type { Asker, Watchable } from '../../src/playback/service.ts'
import type { Bus } from '../../src/redis/bus.ts'
import { LocalBus } from '../../src/redis/local-bus.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices, type TestServices } from '../support/platform.ts'

export const HOUR = 3_600_000
export const log = createLog('silent')
const key = new Uint8Array(32).fill(7)

export class AccessStage implements AsyncDisposable {
  readonly opened: TestDatabase
  readonly services: TestServices
  now = Date.now()
  playback!: OpenedPlayback
  owner = ''
  stranger = ''
  channelId = ''
  readonly #bus = new LocalBus({ log })

  private constructor(opened: TestDatabase) {
    this.opened = opened
    this.services = createServices(opened.database)
  }

  static async open(): Promise<AccessStage> {
    return new AccessStage(await openTestDatabase('pglite'))
  }

  /** Another channel, of other people, and nothing remembered. */
  async begin(): Promise<void> {
    this.now = Date.now()
    await this.playback?.[Symbol.asyncDispose]()
    this.playback = await this.another()
    this.owner = (await createAccount(this.services)).id
    this.stranger = (await createAccount(this.services)).id
    this.channelId = (await createChannel(this.services, this.owner)).id
  }

  /** Another instance on the same database. */
  another(bus: Bus = this.#bus): Promise<OpenedPlayback> {
    return openPlayback({ db: this.opened.database.db, bus, key, log, now: () => this.now })
  }

  async setVisibility(visibility: Visibility): Promise<void> {
    await this.services.channels.updateSettings(this.owner, this.channelId, { visibility })
    await this.playback.service.changed(this.channelId)
  }

  /** Somebody new with this role in the channel's chat. */
  async grant(role: 'moderator' | 'vip' | 'subscriber'): Promise<string> {
    const { id: accountId } = await createAccount(this.services)
    const { channelId } = this
    await this.opened.database.db
      .insert(chatRoles)
      .values({ channelId, accountId, role, grantedAt: new Date(this.now) })
    return accountId
  }

  /** `token`, `open`, or why there is none. Unless told, of the channel. */
  async ask(asker: Partial<Asker>, thing?: Watchable): Promise<string> {
    try {
      const watched = thing ?? (await this.playback.service.channel(this.channelId))
      const pass = await this.playback.service.passFor(watched, { accountId: undefined, ...asker })
      return pass ? 'token' : 'open'
    } catch (error) {
      return reasonOf(error)
    }
  }

  async tokenFor(asker: Partial<Asker>, thing?: Watchable): Promise<string> {
    const watched = thing ?? (await this.playback.service.channel(this.channelId))
    return (await this.playback.service.passFor(watched, { accountId: undefined, ...asker }))!.token
  }

  /** `in`, or why not. */
  async show(...tokens: string[]): Promise<string> {
    return this.playback.admissions.admit(this.channelId, tokens).then(() => 'in', reasonOf)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.playback?.[Symbol.asyncDispose]()
    await this.#bus.close()
    await this.opened[Symbol.asyncDispose]()
  }
}

export function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.reason
  throw error
}
