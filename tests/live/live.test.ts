import { expect, test } from 'bun:test'
import { AppError } from '../../src/errors.ts'
import { refusal, Stage } from './stage.ts'
import { video } from './tracks.ts'

const gone = new AppError('CONFLICT', 'ended_by_owner', 'The stream was ended.')

test('a wrong key opens nothing', async () => {
  const stage = new Stage()
  expect(await refusal(stage.publish('nonsense'))).toBe('stream_key_invalid')
  expect(stage.records).toEqual([])
  expect(stage.live.list()).toEqual([])
})

test('a stream is found by its channel, and goes live with its first key frame, once', async () => {
  const stage = new Stage()
  const ada = await stage.publish()
  const stream = stage.stream()
  expect(stage.live.find('bob')).toBeUndefined()
  expect(stream.sessionCount).toBe(6)
  expect(stream.viewerCount).toBe(5)
  ada.picture(0)
  await Bun.sleep(0)
  expect(stage.records).toEqual(['open stream-1 of channel-ada'])
  ada.key(40)
  ada.start()
  ada.key(80)
  await Bun.sleep(0)
  expect(stage.records).toEqual(['open stream-1 of channel-ada', 'live stream-1'])
  expect(stream.status).toBe('live')
})

test('a channel is taken from the moment its key was accepted until its stream has ended', async () => {
  const stage = new Stage()
  const opening = Promise.withResolvers<void>()
  stage.opening = opening.promise
  const first = stage.publish()
  await Bun.sleep(0)
  const second = refusal(stage.publish())
  expect(stage.live.find('ada')).toBeUndefined()
  opening.resolve()
  await first
  expect(await second).toBe('channel_already_live')
  const stream = stage.stream()
  await stage.publish('key-bob')
  expect(stage.live.list()).toEqual([stream, stage.stream('bob')])
  await stream.end()
  expect(stage.live.list()).toEqual([stage.stream('bob')])
  await stage.publish()
  expect(stage.stream().identity.id).toBe('stream-3')
})

test('of two publishers with one key at the same time, one is accepted', async () => {
  const stage = new Stage()
  const answers = await Promise.all([refusal(stage.publish()), refusal(stage.publish())])
  expect(answers).toEqual(['accepted', 'channel_already_live'])
})

test('who publishes while the stream before is just ending gets a new one', async () => {
  const stage = new Stage()
  const ada = await stage.publish()
  ada.key(0)
  ada.stop()
  expect(stage.stream().isEnding).toBe(true)
  const next = await stage.publish()
  next.key(0)
  expect(stage.stream().identity.id).toBe('stream-2')
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

test('when the publisher stops, sinks close before outputs, and the record ends once', async () => {
  const stage = new Stage({ reconnectGraceMs: 60_000 })
  const ada = await stage.publish()
  const stream = stage.stream()
  ada.key(0)
  ada.stop()
  ada.drop()
  await Promise.all([stream.end(gone), stream.closed])
  expect(stage.outputs.map(output => output.events)).toEqual([
    ['attach', 'sink closed', 'closed'],
    ['attach', 'sink closed', 'closed'],
  ])
  expect(stage.records).toEqual(['open stream-1 of channel-ada', 'live stream-1', 'end stream-1'])
  expect(ada.reasons).toEqual([])
  expect(await stream.closed).toBeUndefined()
})

test('ending a stream tells its publisher why, and another stream goes on', async () => {
  const stage = new Stage({ reconnectGraceMs: 60_000 })
  const ada = await stage.publish('key-ada')
  const bob = await stage.publish('key-bob')
  const stream = stage.stream('ada')
  await stage.live.end(stream.identity.id, gone)
  await stage.live.end('unknown', gone)
  expect([ada.reasons, bob.reasons]).toEqual([[gone], []])
  expect(stage.live.list()).toEqual([stage.stream('bob')])
  expect(await stream.closed).toBe(gone)
})

test('a stream ends, and its channel is free, although its record cannot be ended', async () => {
  const stage = new Stage()
  stage.endFailure = new Error('the database is away')
  await stage.publish()
  await stage.stream().end()
  expect(stage.live.list()).toEqual([])
  expect(await refusal(stage.publish())).toBe('accepted')
})

test('changed tracks close the earlier sinks, and every output goes on with the new ones', async () => {
  const stage = new Stage()
  const ada = await stage.publish()
  ada.key(0)
  const first = stage.stream().broadcast!
  ada.start({ video })
  expect(first.isOpen).toBe(false)
  ada.key(80)
  expect(stage.stream().broadcast).not.toBe(first)
  for (const output of stage.outputs) expect(output.events).toEqual(['attach', 'sink closed', 'attach'])
  expect(stage.seen).toEqual([0, 80])
})

test('the end waits for what an earlier broadcast has still open', async () => {
  const stage = new Stage()
  const ada = await stage.publish()
  const slow = Promise.withResolvers<void>()
  stage.outputs[0]!.sinkClosing = slow.promise
  ada.key(0)
  ada.start()
  stage.outputs[0]!.sinkClosing = Promise.resolve()
  let hasEnded = false
  const ending = stage
    .stream()
    .end()
    .then(() => {
      hasEnded = true
    })
  await Bun.sleep(0)
  expect(hasEnded).toBe(false)
  slow.resolve()
  await ending
  expect(stage.outputs[0]!.events.at(-1)).toBe('closed')
})

test('media that arrives while the stream ends reaches no output', async () => {
  const stage = new Stage()
  const ada = await stage.publish()
  const ending = stage.stream().end(gone)
  ada.key(0)
  await ending
  expect(stage.outputs.map(output => output.events)).toEqual([['closed'], ['closed']])
  expect(stage.records.at(-1)).toBe('end stream-1')
})

test('an output that cannot attach does not leave the others attached for good', async () => {
  const stage = new Stage()
  const ada = await stage.publish()
  const stream = stage.stream()
  stage.outputs[1]!.attachFailure = new Error('no')
  expect(() => ada.key(0)).toThrow('no')
  ada.drop()
  await stream.closed
  expect(stage.outputs[0]!.events).toEqual(['attach', 'sink closed', 'closed'])
})

test('close ends every stream with a reason, refuses new ones, and can be called twice', async () => {
  const stage = new Stage({ reconnectGraceMs: 60_000 })
  const publishers = [await stage.publish('key-ada'), await stage.publish('key-bob')]
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

test('a viewer who needs a key frame has it asked of the publisher whom viewers see', async () => {
  const stage = new Stage()
  const ada = await stage.publish()
  ada.key(0)
  stage.stream().broadcast!.requestKeyUnit()
  expect(ada.keyFramesAsked).toBe(1)
})
