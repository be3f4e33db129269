/** A live session that keeps nothing but what a publisher's ingest did with it. */
import type { AccessUnit, Tracks } from '../../media/access-unit.ts'
import { AppError } from '../../src/errors.ts'
import type { Live } from '../../src/live/live.ts'
import type { Publication, Publisher, PublishRequest } from '../../src/live/publication.ts'

export interface FakeBroadcast {
  readonly tracks: Tracks
  readonly units: AccessUnit[]
}

/** One publisher as the live session sees it. */
export class FakeStream implements Publication {
  readonly slug = 'channel'
  readonly isBackup: boolean
  readonly streamKey: string
  readonly publisher: Publisher
  readonly broadcasts: FakeBroadcast[] = []
  /** Resolves with the cause when the publisher has left. */
  readonly left: Promise<Error | undefined>
  readonly #resolveLeft: (cause: Error | undefined) => void
  readonly #waiting: { count: number; resolve: () => void }[] = []
  leftCount = 0
  hasLeftOrderly: boolean | undefined
  unitCount = 0
  keepsUnits = true

  constructor({ streamKey, isBackup }: PublishRequest, publisher: Publisher) {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.streamKey = streamKey
    this.isBackup = isBackup
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

  start(tracks: Tracks): { write(unit: AccessUnit): void } {
    const broadcast: FakeBroadcast = { tracks, units: [] }
    this.broadcasts.push(broadcast)
    const write = (unit: AccessUnit) => {
      this.unitCount++
      if (this.keepsUnits) broadcast.units.push(unit)
      this.#wake()
    }
    return { write }
  }

  leave({ isOrderly, cause }: { isOrderly: boolean; cause?: Error | undefined }): void {
    this.leftCount++
    this.hasLeftOrderly = isOrderly
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

  async publish(request: PublishRequest, publisher: Publisher): Promise<Publication> {
    const { streamKey } = request
    this.attempts++
    await Promise.resolve()
    if (streamKey === 'wrong')
      throw new AppError('FORBIDDEN', 'stream_key_invalid', 'The stream key is wrong.')
    if (request.slug !== undefined && request.slug !== 'channel')
      throw new AppError('FORBIDDEN', 'stream_key_of_other_channel', 'This key is another channel’s.')
    if (streamKey === 'taken')
      throw new AppError('CONFLICT', 'channel_already_live', 'This channel is already live.')
    if (streamKey === 'limited') throw new AppError('LIMIT', 'too_many', 'Too many.')
    if (streamKey === 'broken') throw new TypeError('the database is away')
    if (streamKey === 'slow') await new Promise(() => {})
    const stream = new FakeStream(request, publisher)
    stream.keepsUnits = this.keepsUnits
    this.streams.push(stream)
    for (const resolve of this.#waiting.splice(0)) resolve(stream)
    return stream
  }
}
