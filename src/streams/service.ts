/** The rules of stream records: one live period of a channel each, from an accepted publisher to its end. */
import { AppError } from '../errors.ts'
import type { LivePosition, Stream, StreamsRepository } from './repository.ts'

export type { Stream, StreamStatus } from './repository.ts'

export interface StreamsServiceOptions {
  readonly streams: StreamsRepository
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

export class StreamsService {
  readonly #streams: StreamsRepository
  readonly #now: () => number

  constructor(options: StreamsServiceOptions) {
    this.#streams = options.streams
    this.#now = options.now ?? Date.now
  }

  /**
   * A publisher was accepted: a record in status `starting`, with the channel's title. What a lost connection left
   * open for this channel ends. Throws `AppError` NOT_FOUND (`channel_not_found`), CONFLICT (`channel_live_elsewhere`)
   * where another instance carries the channel's stream.
   */
  async open(channelId: string): Promise<{ id: string }> {
    const id = Bun.randomUUIDv7()
    const outcome = await this.#streams.replaceOpen(channelId, id, this.#time())
    if (outcome === 'unknown')
      throw new AppError('NOT_FOUND', 'channel_not_found', 'There is no such channel.')
    if (outcome === 'elsewhere') {
      const message = 'This channel is already live on another server of this site.'
      throw new AppError('CONFLICT', 'channel_live_elsewhere', message)
    }
    return { id }
  }

  /** Its publisher dropped and may return. Idempotent; only a live stream can wait. */
  async reconnect(id: string): Promise<void> {
    await this.#streams.markReconnecting(id)
  }

  /** Its first key frame arrived, or that of a publisher who returned. Idempotent; an ended stream stays ended. */
  async goLive(id: string): Promise<void> {
    await this.#streams.markLive(id, this.#time())
  }

  /** Idempotent: the first end stays the end. */
  async end(id: string): Promise<void> {
    await this.#streams.markEnded(id, this.#time())
  }

  /** Ends what this instance's predecessor left open; for the start, before any publisher. Answers how many there were. */
  async endOrphans(): Promise<number> {
    return this.#streams.endOwn(this.#time())
  }

  /** Ends what other instances left open when they died. Answers how many there were. */
  async endAbandoned(): Promise<number> {
    return this.#streams.endAbandoned(this.#time())
  }

  /** The instances that live. */
  async livingInstances(): Promise<string[]> {
    return this.#streams.listLivingInstances()
  }

  /** Which of these have ended, whoever ended them. */
  async findEnded(ids: readonly string[]): Promise<string[]> {
    return this.#streams.findEnded(ids)
  }

  /** Throws `AppError` NOT_FOUND (`stream_not_found`). */
  async get(id: string): Promise<Stream> {
    const stream = await this.#streams.find(id)
    if (!stream) throw new AppError('NOT_FOUND', 'stream_not_found', 'There is no such stream.')
    return stream
  }

  /** The stream that a channel has open now, in any status but `ended`. */
  async findOpen(channelId: string): Promise<Stream | undefined> {
    return this.#streams.findOpenByChannel(channelId)
  }

  /** The streams of those of these channels that are public, live or reconnecting, in the order of `channelIds`. */
  async listOnAir(channelIds: readonly string[]): Promise<Stream[]> {
    const streams = await this.#streams.findOnAirByChannels(channelIds)
    const found = new Map(streams.map(stream => [stream.channel.id, stream]))
    return channelIds.map(id => found.get(id)).filter(stream => stream !== undefined)
  }

  /**
   * Who is live in public, latest start first. `cursor` is the `nextCursor` of the page before; a stream that starts or ends in
   * between neither repeats nor hides another. Throws `AppError` INVALID (`cursor_invalid`).
   */
  async live(page: {
    limit: number
    cursor?: string | undefined
  }): Promise<{ items: Stream[]; nextCursor?: string }> {
    const after = page.cursor === undefined ? undefined : decodeCursor(page.cursor)
    const rows = await this.#streams.listOnAir(page.limit + 1, after)
    const items = rows.slice(0, page.limit)
    const last = items.at(-1)
    if (rows.length <= page.limit || !last?.startedAt) return { items }
    return { items, nextCursor: encodeCursor({ startedAt: last.startedAt, id: last.id }) }
  }

  /** Renames a stream. Owner only: `AppError` FORBIDDEN (`not_owner`), NOT_FOUND. */
  async rename(accountId: string, id: string, title: string): Promise<Stream> {
    await this.getOwned(accountId, id)
    await this.#streams.rename(id, title)
    return this.get(id)
  }

  /** The stream, if the account owns it: `AppError` FORBIDDEN (`not_owner`), NOT_FOUND (`stream_not_found`). */
  async getOwned(accountId: string, id: string): Promise<Stream> {
    const stream = await this.get(id)
    if (!(await this.#streams.isOwner(accountId, id)))
      throw new AppError('FORBIDDEN', 'not_owner', 'Only the owner of the channel may do this.')
    return stream
  }

  #time(): Date {
    return new Date(this.#now())
  }
}

function encodeCursor(position: LivePosition): string {
  return `${position.startedAt.getTime().toString(36)}.${position.id}`
}

const cursorForm = /^([0-9a-z]{1,9})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

function decodeCursor(cursor: string): LivePosition {
  const [, start, id] = cursorForm.exec(cursor) ?? []
  const startedAt = new Date(Number.parseInt(start ?? '', 36))
  if (id === undefined || Number.isNaN(startedAt.getTime()))
    throw new AppError('INVALID', 'cursor_invalid', 'This cursor does not come from an earlier page.')
  return { startedAt, id }
}
