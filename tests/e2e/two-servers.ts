/** Two real processes on one Redis and one database, and people who come to either. */
import { type ApiClient, createClient } from '../../src/client/api-client.ts'
import { type ChatServer, type Listener, listenByAll, type Who } from '../support/chat-listeners.ts'
import { createPostgresDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { startSluice, type TestChannel } from '../support/sluice.ts'

const PASSWORD = 'correct horse battery'

/** Has an account; calls come from an address of their own. */
export interface Person {
  readonly username: string
  readonly token: string
  readonly headers: Record<string, string>
  /** The typed client of a server. */
  readonly at: (server: ChatServer) => ApiClient
}

export class TwoServers implements AsyncDisposable {
  readonly redis: TestRedis
  readonly here: ChatServer
  readonly there: ChatServer
  readonly #listeners: Listener[] = []
  #people = 0

  private constructor(redis: TestRedis, here: ChatServer, there: ChatServer) {
    this.redis = redis
    this.here = here
    this.there = there
  }

  static async open(): Promise<TwoServers> {
    const redis = await startRedis()
    const shared = {
      DATABASE_URL: await createPostgresDatabase(),
      REDIS_URL: redis.url,
      AUTH_SECRET: 'one secret for both of the processes',
    }
    const open = async () => {
      const ircPort = await freePort()
      return { sluice: await startSluice({ env: { ...shared, IRC_PORT: String(ircPort) } }), ircPort }
    }
    return new TwoServers(redis, await open(), await open())
  }

  get both(): readonly ChatServer[] {
    return [this.here, this.there]
  }

  /** Closes the listener in the end. */
  keep<T extends Listener>(listener: T): T {
    this.#listeners.push(listener)
    return listener
  }

  /** Listens by each way, and closes that in the end. */
  async listenByAll(server: ChatServer, slug: string, who?: Who) {
    const listeners = await listenByAll(server, slug, who)
    this.#listeners.push(...listeners.all)
    return listeners
  }

  /** `NAME_1`, and so on. */
  async signUp(name: string): Promise<Person> {
    const username = `${name}_${++this.#people}`
    const headers = { 'x-forwarded-for': `203.0.113.${this.#people}` }
    const anybody = createClient({ url: this.here.sluice.url, headers })
    const { accessToken: token } = await anybody.auth.signUp.mutate({ username, password: PASSWORD })
    const at = ({ sluice }: ChatServer) => createClient({ url: sluice.url, headers, accessToken: token })
    return { username, token, headers, at }
  }

  /** An access token of the channel's owner. */
  async ownerToken({ credentials }: TestChannel): Promise<string> {
    return (await this.here.sluice.client.auth.signIn.mutate(credentials)).accessToken
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#listeners) each.close()
    await Promise.all(this.both.map(({ sluice }) => sluice.stop()))
    await this.redis[Symbol.asyncDispose]()
  }
}

/** Everything that was said and is shown, oldest first. */
export async function historyOf({ sluice }: ChatServer, slug: string): Promise<string[]> {
  const texts: string[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await sluice.client.chat.history.query({ slug, limit: 100, ...(cursor && { cursor }) })
    texts.push(...page.items.map(({ text }) => text))
    cursor = page.nextCursor
    if (cursor === undefined) return texts.reverse()
  }
}
