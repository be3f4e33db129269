/** A live session that keeps nothing but what a publisher's ingest did with it. */
import type { AccessUnit, Tracks } from '../../media/access-unit.ts'
import { AppError } from '../../src/errors.ts'
import type { Broadcast } from '../../src/live/broadcast.ts'
import type { Live } from '../../src/live/live.ts'
import type { LiveStream, Publisher } from '../../src/live/live-stream.ts'

export interface FakeBroadcast {
  readonly tracks: Tracks
  readonly units: AccessUnit[]
}

/** One publisher as the live session sees it. */
export class FakeStream {
  readonly streamKey: string
  readonly publisher: Publisher
  readonly broadcasts: FakeBroadcast[] = []
  /** Resolves with the cause when the publisher has left. */
  readonly left: Promise<Error | undefined>
  readonly #resolveLeft: (cause: Error | undefined) => void
  readonly #waiting: { count: number; resolve: () => void }[] = []
  leftCount = 0
  unitCount = 0
  keepsUnits = true

  constructor(streamKey: string, publisher: Publisher) {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.streamKey = streamKey
    this.publisher = publisher
    this.left = promise
    this.#resolveLeft = resolve
  }

  get units(): AccessUnit[] {
    return this.broadcasts.flatMap(each => each.units)
  }

  /** Resolves when so many units have arrived. */
  received(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push({ count, resolve })
    this.#wake()
    return promise
  }

  start(tracks: Tracks): Broadcast {
    const broadcast: FakeBroadcast = { tracks, units: [] }
    this.broadcasts.push(broadcast)
    const write = (unit: AccessUnit) => {
      this.unitCount++
      if (this.keepsUnits) broadcast.units.push(unit)
      this.#wake()
    }
    return { write } as unknown as Broadcast
  }

  async publisherLeft(cause?: Error): Promise<void> {
    this.leftCount++
    this.#resolveLeft(cause)
  }

  #wake(): void {
    for (const { count, resolve } of this.#waiting) if (this.unitCount >= count) resolve()
  }
}

/** Accepts every key but `wrong` and `taken`; `slow` waits for ever, `broken` fails. */
export class FakeLive implements Pick<Live, 'publish'> {
  readonly streams: FakeStream[] = []
  attempts = 0
  keepsUnits = true
  readonly #waiting: ((stream: FakeStream) => void)[] = []

  /** The next stream that opens. */
  next(): Promise<FakeStream> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  async publish(streamKey: string, publisher: Publisher): Promise<LiveStream> {
    this.attempts++
    await Promise.resolve()
    if (streamKey === 'wrong')
      throw new AppError('FORBIDDEN', 'stream_key_invalid', 'The stream key is wrong.')
    if (streamKey === 'taken')
      throw new AppError('CONFLICT', 'channel_already_live', 'This channel is already live.')
    if (streamKey === 'limited') throw new AppError('LIMIT', 'too_many', 'Too many.')
    if (streamKey === 'broken') throw new TypeError('the database is away')
    if (streamKey === 'slow') await new Promise(() => {})
    const stream = new FakeStream(streamKey, publisher)
    stream.keepsUnits = this.keepsUnits
    this.streams.push(stream)
    for (const resolve of this.#waiting.splice(0)) resolve(stream)
    return stream as unknown as LiveStream
  }
}
