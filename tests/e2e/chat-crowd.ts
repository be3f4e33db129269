/** Twenty well-behaved people who chat all the time, and notice when they are disturbed. */
import { expect } from 'bun:test'
import { createClient } from '../../src/client/api-client.ts'
import {
  type ChatServer,
  type Listener,
  listenByEvents,
  listenByIrc,
  listenBySocket,
  untilAll,
} from '../support/chat-listeners.ts'
import { waitFor } from '../support/wait-for.ts'

type Speaker = Awaited<ReturnType<typeof listenBySocket>>

/** Each speaks a little less than one person may. */
const PAUSE_MS = 1_000

export class Crowd {
  readonly size: number
  /** Texts that the server has said it has. */
  readonly #acknowledged: string[] = []
  readonly #failed: unknown[] = []
  readonly #speakers: readonly Speaker[]
  readonly #listeners: readonly Listener[]
  #slowestMs = 0
  #isOver = false

  private constructor(speakers: readonly Speaker[], listeners: readonly Listener[]) {
    this.size = speakers.length
    this.#speakers = speakers
    this.#listeners = listeners
    for (const [index, speaker] of speakers.entries()) void this.#speak(speaker, index)
  }

  /** `size` people by WebSocket, and one more by each other way who only listens. */
  static async open(server: ChatServer, slug: string, size: number): Promise<Crowd> {
    const speakers = await Promise.all(Array.from({ length: size }, (_, index) => join(server, slug, index)))
    const others = [await listenByEvents(server, slug), await listenByIrc(server, slug)]
    return new Crowd(speakers, [...speakers, ...others])
  }

  /** The longest that an acknowledgement took since this was asked for last, in milliseconds. */
  takeSlowest(): number {
    const slowest = this.#slowestMs
    this.#slowestMs = 0
    return slowest
  }

  /** Everybody still has their first connection, can speak, and has heard all that was acknowledged. */
  async isUndisturbed(): Promise<void> {
    const goal = this.#acknowledged.length + this.size
    await waitFor(() => this.#acknowledged.length >= goal, {
      message: 'the crowd to chat on',
      timeoutMs: 20_000,
    })
    const said = [...this.#acknowledged]
    expect(this.#failed).toEqual([])
    expect(this.#speakers.map(each => each.connections())).toEqual(this.#speakers.map(() => 1))
    const message = 'the crowd to hear everything'
    await untilAll(this.#listeners, each => new Set(said).isSubsetOf(new Set(each.texts())), {
      ...{ message, timeoutMs: 20_000, intervalMs: 200 },
    })
    const [first, ...rest] = this.#listeners.map(each => each.texts().slice(0, said.length))
    for (const each of rest) expect(each).toEqual(first!)
  }

  close(): void {
    this.#isOver = true
    for (const each of this.#listeners) each.close()
  }

  async #speak({ client }: Speaker, index: number): Promise<void> {
    await Bun.sleep(Math.random() * PAUSE_MS)
    for (let n = 0; !this.#isOver; n++) {
      const text = `${index} says number ${n}`
      const sentAt = performance.now()
      try {
        await client.send(text)
        this.#acknowledged.push(text)
        this.#slowestMs = Math.max(this.#slowestMs, performance.now() - sentAt)
      } catch (error) {
        if (!this.#isOver) this.#failed.push(error)
      }
      await Bun.sleep(PAUSE_MS)
    }
  }
}

async function join(server: ChatServer, slug: string, index: number): Promise<Speaker> {
  const headers = { 'x-forwarded-for': `203.0.113.${index + 1}` }
  const account = { username: `person_${index}`, password: 'correct horse battery' }
  const { accessToken } = await createClient({ url: server.sluice.url, headers }).auth.signUp.mutate(account)
  return listenBySocket(server, slug, { token: accessToken, headers })
}
