import { expect, test } from 'bun:test'
import type { AccessUnit } from '../../media/access-unit.ts'
import { AppError } from '../../src/errors.ts'
import type { Broadcast, Sink } from '../../src/live/broadcast.ts'
import { Live } from '../../src/live/live.ts'
import type { Publisher } from '../../src/live/live-stream.ts'
import type { OpenOutput, Output, StreamIdentity } from '../../src/live/output.ts'
import { createLog } from '../../src/log.ts'
import { audio, video, videoUnit } from './tracks.ts'

const log = createLog('silent')
const tracks = { video, audio }
const gone = new AppError('CONFLICT', 'ended_by_owner', 'The stream was ended.')

class FakeOutput implements Output {
  readonly identity: StreamIdentity
  readonly events: string[] = []
  readonly units: AccessUnit[] = []
  viewerCount = 3
  /** Until then its sinks stay half closed. */
  sinkClosing: Promise<void> = Promise.resolve()
  attachFailure: Error | undefined

  constructor(identity: StreamIdentity) {
    this.identity = identity
  }

  attach(_broadcast: Broadcast): Sink {
    if (this.attachFailure) throw this.attachFailure
    this.events.push('attach')
    let isClosed = false
    return {
      write: unit => {
        this.units.push(unit)
      },
      close: async () => {
        if (!isClosed) this.events.push('sink closed')
        isClosed = true
        await this.sinkClosing
      },
    }
  }

  async close(): Promise<void> {
    this.events.push('closed')
  }
}

class FakePublisher implements Publisher {
  readonly remoteAddress = '127.0.0.1'
  readonly reasons: AppError[] = []

  disconnect(reason: AppError): void {
    this.reasons.push(reason)
  }
}

/** Keys `key-ada` and `key-bob`; records and outputs are kept to be looked at. */
class Stage {
  readonly outputs: FakeOutput[] = []
  readonly records: string[] = []
  /** What opening the second output waits for. */
  opening: Promise<void> = Promise.resolve()
  endFailure: Error | undefined
  readonly live: Live
  #opened = 0

  constructor() {
    const openOutput: OpenOutput = async identity => {
      const output = new FakeOutput(identity)
      this.outputs.push(output)
      return output
    }
    const openSlowly: OpenOutput = async identity => {
      await this.opening
      return openOutput(identity)
    }
    this.live = new Live({
      authorize: async key => {
        const slug = /^key-(\w+)$/.exec(key)?.[1]
        if (!slug) throw new AppError('FORBIDDEN', 'stream_key_invalid', 'The stream key is wrong.')
        return { id: `channel-${slug}`, slug }
      },
      streams: {
        open: async channelId => {
          const id = `stream-${++this.#opened}`
          this.records.push(`open ${id} of ${channelId}`)
          return { id }
        },
        goLive: async id => {
          this.records.push(`live ${id}`)
        },
        end: async id => {
          this.records.push(`end ${id}`)
          if (this.endFailure) throw this.endFailure
        },
      },
      outputs: [openOutput, openSlowly],
      log,
    })
  }

  publish(key = 'key-ada', publisher: Publisher = new FakePublisher()) {
    return this.live.publish(key, publisher)
  }
}

/** The reason of the `AppError` with which `promise` fails. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof AppError) return error.reason
    throw error
  }
  return 'accepted'
}

test('a wrong key opens nothing', async () => {
  const stage = new Stage()
  expect(await refusal(stage.publish('nonsense'))).toBe('stream_key_invalid')
  expect(stage.records).toEqual([])
  expect(stage.live.list()).toEqual([])
})

test('a stream is found by its channel, and goes live with its first key frame, once', async () => {
  const stage = new Stage()
  const stream = await stage.publish()
  expect(stage.live.find('ada')).toBe(stream)
  expect(stage.live.find('bob')).toBeUndefined()
  expect(stream.viewerCount).toBe(6)
  const broadcast = stream.start(tracks)
  broadcast.write(videoUnit(0))
  expect(stage.records).toEqual(['open stream-1 of channel-ada'])
  broadcast.write(videoUnit(40, { isKey: true }))
  stream.start(tracks).write(videoUnit(80, { isKey: true }))
  expect(stage.records).toEqual(['open stream-1 of channel-ada', 'live stream-1'])
})

test('a channel is taken from the moment its key was accepted until its stream has ended', async () => {
  const stage = new Stage()
  const opening = Promise.withResolvers<void>()
  stage.opening = opening.promise
  const first = stage.publish()
  await Bun.sleep(0)
  expect(await refusal(stage.publish())).toBe('channel_already_live')
  expect(stage.live.find('ada')).toBeUndefined()
  opening.resolve()
  const stream = await first
  expect(await refusal(stage.publish())).toBe('channel_already_live')
  const other = await stage.publish('key-bob')
  expect(stage.live.list()).toEqual([stream, other])
  await stream.end()
  expect(stage.live.list()).toEqual([other])
  expect((await stage.publish()).identity.id).toBe('stream-3')
})

test('of two publishers with one key at the same time, one is accepted', async () => {
  const stage = new Stage()
  const answers = await Promise.all([refusal(stage.publish()), refusal(stage.publish())])
  expect(answers).toEqual(['accepted', 'channel_already_live'])
})

test('an output that cannot open ends the record, closes the others and frees the channel', async () => {
  const stage = new Stage()
  stage.opening = Promise.reject(new Error('no worker'))
  await expect(stage.publish()).rejects.toThrow('no worker')
  expect(stage.records).toEqual(['open stream-1 of channel-ada', 'end stream-1'])
  expect(stage.outputs.map(output => output.events)).toEqual([['closed']])
  stage.opening = Promise.resolve()
  expect(await refusal(stage.publish())).toBe('accepted')
})

test('when the publisher leaves, sinks close before outputs, and the record ends once', async () => {
  const stage = new Stage()
  const publisher = new FakePublisher()
  const stream = await stage.publish('key-ada', publisher)
  stream.start(tracks).write(videoUnit(0, { isKey: true }))
  await Promise.all([stream.publisherLeft(), stream.publisherLeft(new Error('reset')), stream.end(gone)])
  expect(stage.outputs.map(output => output.events)).toEqual([
    ['attach', 'sink closed', 'closed'],
    ['attach', 'sink closed', 'closed'],
  ])
  expect(stage.records).toEqual(['open stream-1 of channel-ada', 'live stream-1', 'end stream-1'])
  expect(publisher.reasons).toEqual([])
  expect(await stream.closed).toBeUndefined()
})

test('ending a stream tells its publisher why, and another stream goes on', async () => {
  const stage = new Stage()
  const publishers = [new FakePublisher(), new FakePublisher()] as const
  const ada = await stage.publish('key-ada', publishers[0])
  const bob = await stage.publish('key-bob', publishers[1])
  await stage.live.end(ada.identity.id, gone)
  await stage.live.end('unknown', gone)
  expect(publishers.map(publisher => publisher.reasons)).toEqual([[gone], []])
  expect(stage.live.list()).toEqual([bob])
  expect(await ada.closed).toBe(gone)
})

test('a stream ends, and its channel is free, although its record cannot be ended', async () => {
  const stage = new Stage()
  stage.endFailure = new Error('the database is away')
  const stream = await stage.publish()
  await stream.end()
  expect(stage.live.list()).toEqual([])
  expect(await refusal(stage.publish())).toBe('accepted')
})

test('changed tracks close the earlier sinks, and every output goes on with the new ones', async () => {
  const stage = new Stage()
  const stream = await stage.publish()
  const first = stream.start(tracks)
  first.write(videoUnit(0, { isKey: true }))
  const second = stream.start({ video })
  expect(stream.broadcast).toBe(second)
  expect(first.isOpen).toBe(false)
  first.write(videoUnit(40, { isKey: true }))
  second.write(videoUnit(80, { isKey: true }))
  for (const output of stage.outputs) {
    expect(output.events).toEqual(['attach', 'sink closed', 'attach'])
    expect(output.units.map(unit => unit.dts)).toEqual([0, 7_200])
  }
})

test('the end waits for what an earlier broadcast has still open', async () => {
  const stage = new Stage()
  const stream = await stage.publish()
  const slow = Promise.withResolvers<void>()
  stage.outputs[0]!.sinkClosing = slow.promise
  stream.start(tracks)
  stream.start(tracks)
  stage.outputs[0]!.sinkClosing = Promise.resolve()
  let hasEnded = false
  const ending = stream.end().then(() => {
    hasEnded = true
  })
  await Bun.sleep(0)
  expect(hasEnded).toBe(false)
  slow.resolve()
  await ending
  expect(stage.outputs[0]!.events.at(-1)).toBe('closed')
})

test('tracks that arrive while the stream ends reach no output', async () => {
  const stage = new Stage()
  const stream = await stage.publish()
  const ending = stream.end(gone)
  const broadcast = stream.start(tracks)
  broadcast.write(videoUnit(0, { isKey: true }))
  await ending
  expect(stage.outputs.map(output => output.events)).toEqual([['closed'], ['closed']])
  expect(stage.records.at(-1)).toBe('end stream-1')
  expect(await broadcast.closed).toBeUndefined()
})

test('an output that cannot attach does not leave the others attached for good', async () => {
  const stage = new Stage()
  const stream = await stage.publish()
  stage.outputs[1]!.attachFailure = new Error('no')
  expect(() => stream.start(tracks)).toThrow('no')
  await stream.publisherLeft()
  expect(stage.outputs[0]!.events).toEqual(['attach', 'sink closed', 'closed'])
})

test('close ends every stream with a reason, refuses new ones, and can be called twice', async () => {
  const stage = new Stage()
  const publishers = [new FakePublisher(), new FakePublisher()] as const
  await stage.publish('key-ada', publishers[0])
  await stage.publish('key-bob', publishers[1])
  await Promise.all([stage.live.close(), stage.live.close()])
  await stage.live[Symbol.asyncDispose]()
  expect(publishers.map(each => each.reasons.map(reason => reason.reason))).toEqual([
    ['server_closing'],
    ['server_closing'],
  ])
  expect(stage.live.list()).toEqual([])
  expect(stage.records.filter(record => record.startsWith('end'))).toHaveLength(2)
  expect(await refusal(stage.publish())).toBe('server_closing')
})

test('close also ends a stream that is just opening, and waits for it', async () => {
  const stage = new Stage()
  const opening = Promise.withResolvers<void>()
  stage.opening = opening.promise
  const publishing = refusal(stage.publish())
  await Bun.sleep(0)
  const closing = stage.live.close()
  opening.resolve()
  await closing
  expect(stage.records).toEqual(['open stream-1 of channel-ada', 'end stream-1'])
  expect(stage.outputs.map(output => output.events)).toEqual([['closed'], ['closed']])
  expect(await publishing).toBe('server_closing')
})
