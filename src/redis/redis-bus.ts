/** Hides Redis' publish/subscribe: one connection listens, one speaks, and after a loss everything is heard again. */
import type { Log } from '../log.ts'
import type { Bus } from './bus.ts'
import { RedisConnection, type RedisOptions } from './connection.ts'
import { Topics } from './topics.ts'

const PREFIX = 'sluice:'
/** Topics in one SUBSCRIBE. */
const MAX_AT_ONCE = 500
const RETRY_MS = 1_000

export class RedisBus implements Bus {
  readonly #listening: RedisConnection
  readonly #speaking: RedisConnection
  readonly #topics: Topics
  readonly #log: Log
  readonly #onConnection = new Set<(isConnected: boolean) => void>()
  /** Raised whenever a connection begins or ends: what an earlier one was asked for says nothing any more. */
  #epoch = 0
  /** Redis has confirmed every topic on the connection of now. */
  #isListening = false
  #wasConnected = false
  #isClosed = false

  private constructor(listening: RedisConnection, speaking: RedisConnection, log: Log) {
    this.#listening = listening
    this.#speaking = speaking
    this.#topics = new Topics(log)
    this.#log = log
    listening.client.on('message', (channel: string, text: string) =>
      this.#topics.tell(channel.slice(PREFIX.length), text),
    )
    listening.client.on('ready', () => void this.#listenAgain())
    listening.client.on('close', () => this.#stopListening())
    for (const change of ['ready', 'close'])
      speaking.client.on(change, () => queueMicrotask(() => this.#tellConnection()))
    this.#isListening = true
    this.#wasConnected = this.isConnected
  }

  /** Waits up to 5 s for Redis, then throws an error that names REDIS_URL. Later losses mend themselves. */
  static async open({ url, log }: RedisOptions): Promise<RedisBus> {
    const opening = ['listening', 'speaking'].map(use =>
      RedisConnection.open({ url, log: log.child({ redis: use }) }),
    )
    const results = await Promise.allSettled(opening)
    const [listening, speaking] = results.map(each => (each.status === 'fulfilled' ? each.value : undefined))
    if (listening && speaking) return new RedisBus(listening, speaking, log)
    listening?.close()
    speaking?.close()
    throw results.find(each => each.status === 'rejected')!.reason
  }

  get isConnected(): boolean {
    return !this.#isClosed && this.#isListening && this.#listening.isReady && this.#speaking.isReady
  }

  async publish(topic: string, text: string): Promise<void> {
    await this.#speaking.run(client => client.publish(PREFIX + topic, text))
  }

  /** While Redis is away it resolves all the same: the topic is heard as soon as `isConnected` is true again. */
  async subscribe(topic: string, listener: (text: string) => void): Promise<() => void> {
    if (this.#isClosed) throw new Error('the bus is closed')
    const stop = this.#topics.add(topic, listener, () => this.#forget(topic))
    // Also for a topic that has listeners: an earlier SUBSCRIBE may still be on its way.
    if (this.#listening.isReady) await this.#ask([topic], this.#epoch)
    return stop
  }

  onConnection(listener: (isConnected: boolean) => void): () => void {
    const own = (isConnected: boolean) => listener(isConnected)
    this.#onConnection.add(own)
    return () => void this.#onConnection.delete(own)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#epoch++
    this.#onConnection.clear()
    this.#topics.clear()
    this.#listening.close()
    this.#speaking.close()
  }

  /** Whether Redis has confirmed `topics`; if not, everything is asked for anew. */
  async #ask(topics: readonly string[], epoch: number): Promise<boolean> {
    try {
      await this.#listening.run(client => client.subscribe(...topics.map(topic => PREFIX + topic)))
      return true
    } catch (error) {
      if (epoch !== this.#epoch || this.#isClosed) return false
      this.#log.warn({ reason: (error as Error).message }, 'Redis did not take a subscription')
      this.#stopListening()
      setTimeout(() => void this.#listenAgain(), RETRY_MS).unref()
      return false
    }
  }

  async #listenAgain(): Promise<void> {
    if (this.#isClosed || !this.#listening.isReady) return
    const epoch = ++this.#epoch
    // Topics that come meanwhile are asked for by `subscribe` itself, on the same connection.
    const topics = this.#topics.names
    for (let from = 0; from < topics.length; from += MAX_AT_ONCE)
      if (!(await this.#ask(topics.slice(from, from + MAX_AT_ONCE), epoch)) || epoch !== this.#epoch) return
    this.#isListening = true
    this.#tellConnection()
  }

  #stopListening(): void {
    this.#epoch++
    this.#isListening = false
    this.#tellConnection()
  }

  #forget(topic: string): void {
    if (this.#isClosed || !this.#listening.isReady || this.#topics.has(topic)) return
    this.#listening.run(client => client.unsubscribe(PREFIX + topic)).catch(() => {})
  }

  #tellConnection(): void {
    const isConnected = this.isConnected
    if (this.#isClosed || isConnected === this.#wasConnected) return
    this.#wasConnected = isConnected
    for (const tell of [...this.#onConnection]) {
      try {
        tell(isConnected)
      } catch (err) {
        this.#log.error({ err }, 'a listener failed')
      }
    }
  }
}
