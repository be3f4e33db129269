import { expect, test } from 'bun:test'
import { AppError } from '../../src/errors.ts'
import { DEFAULT_RULES } from '../../src/live/channel-rules.ts'
import { waitFor } from '../support/wait-for.ts'
import { refusal, Stage } from './stage.ts'

const LONG_MS = 60_000

/** A stream that is live from a primary. */
async function liveStage(options = { reconnectGraceMs: LONG_MS }) {
  const stage = new Stage(options)
  const primary = await stage.publish()
  primary.key(0)
  return { stage, primary, stream: stage.stream() }
}

test('who drops may return: one stream, one record, the outputs stay, ten times in a row', async () => {
  const { stage, primary, stream } = await liveStage()
  let current = primary
  for (let drop = 1; drop <= 10; drop++) {
    current.drop()
    expect(stream.status).toBe('reconnecting')
    expect(stream.broadcast).toBeUndefined()
    current = await stage.publish()
    expect(stream.status).toBe('reconnecting')
    current.key(drop * 1000)
    expect(stream.status).toBe('live')
  }
  expect(stage.stream()).toBe(stream)
  await stream.end()
  expect(stage.records).toEqual([
    'open stream-1 of channel-ada',
    'live stream-1',
    ...Array.from({ length: 10 }, () => ['reconnecting stream-1', 'live stream-1']).flat(),
    'end stream-1',
  ])
  expect(stage.outputs).toHaveLength(2)
  expect(stage.outputs[0]!.events.filter(event => event === 'attach')).toHaveLength(11)
  expect(stage.outputs[0]!.events.filter(event => event === 'closed')).toHaveLength(1)
})

test('when the grace period is over the stream ends once, and the next publisher gets another', async () => {
  const { stage, primary, stream } = await liveStage({ reconnectGraceMs: 5 })
  primary.drop()
  await stream.closed
  expect(stage.records.filter(record => record === 'end stream-1')).toHaveLength(1)
  const next = await stage.publish()
  next.key(0)
  expect(stage.stream().identity.id).toBe('stream-2')
})

test('who has connected again when the grace period ends may still begin', async () => {
  const { stage, primary, stream } = await liveStage({ reconnectGraceMs: 5 })
  primary.drop()
  const back = await stage.publish()
  await Bun.sleep(20)
  back.key(0)
  expect(stream.status).toBe('live')
  back.drop()
  await stream.closed
})

test('who has connected again and leaves without a picture after the grace period ends the stream', async () => {
  const { stage, primary, stream } = await liveStage({ reconnectGraceMs: 5 })
  primary.drop()
  const back = await stage.publish()
  await Bun.sleep(20)
  expect(stream.isEnding).toBe(false)
  back.drop()
  await stream.closed
})

test('no grace for a stream that was never live, nor for a publisher who says that it is done', async () => {
  const stage = new Stage({ reconnectGraceMs: LONG_MS })
  const silent = await stage.publish()
  const first = stage.stream()
  silent.drop()
  await first.closed
  const done = await stage.publish()
  done.key(0)
  const second = stage.stream()
  done.stop()
  await second.closed
})

test('the owner can end a stream that waits for its publisher', async () => {
  const { primary, stream } = await liveStage()
  primary.drop()
  const reason = new AppError('CONFLICT', 'ended', 'Ended.')
  await stream.end(reason)
  expect(await stream.closed).toBe(reason)
})

test('a second publisher is refused while the first is alive, and let in when that one has stalled', async () => {
  const { stage, primary, stream } = await liveStage()
  expect(await refusal(stage.publish())).toBe('channel_already_live')
  stage.nowMs += 3_000
  const second = await stage.publish()
  expect(primary.reasons.map(reason => reason.reason)).toEqual(['taken_over'])
  second.key(0)
  expect(stage.stream()).toBe(stream)
  expect(stream.status).toBe('live')
})

test('takeover: the first goes on until the second has a key frame, then it is told', async () => {
  const { stage, primary, stream } = await liveStage()
  stage.rules = { ...DEFAULT_RULES, secondPublisher: 'takeover' }
  const second = await stage.publish()
  second.picture(10)
  primary.picture(40)
  expect(primary.reasons).toEqual([])
  second.key(50)
  primary.picture(80)
  second.picture(90)
  expect(stage.seen).toEqual([0, 40, 50, 90])
  expect(primary.reasons.map(reason => reason.reason)).toEqual(['taken_over'])
  await stream.end()
  expect(stage.records).toEqual(['open stream-1 of channel-ada', 'live stream-1', 'end stream-1'])
})

test('a challenger that leaves before it has a picture changes nothing; a later one replaces it', async () => {
  const { stage, primary } = await liveStage()
  stage.rules = { ...DEFAULT_RULES, secondPublisher: 'takeover' }
  const second = await stage.publish()
  second.drop()
  const third = await stage.publish()
  const fourth = await stage.publish()
  expect(third.reasons.map(reason => reason.reason)).toEqual(['taken_over'])
  primary.picture(40)
  fourth.key(50)
  expect(stage.seen).toEqual([0, 40, 50])
})

test('a backup stands by and takes over at its next key frame when the primary drops', async () => {
  const { stage, primary, stream } = await liveStage()
  const backup = await stage.publish('key-ada', true)
  backup.key(10)
  backup.picture(20)
  primary.picture(40)
  primary.drop()
  expect(stream.status).toBe('live')
  backup.picture(50)
  backup.key(60)
  backup.picture(70)
  expect(stage.seen).toEqual([0, 40, 60, 70])
  expect(stream.inputs).toMatchObject([{ role: 'backup', isActive: true }])
  expect(await refusal(stage.publish('key-ada', true))).toBe('channel_already_live')
})

test('a backup takes over when the primary stalls, and hands back once that one is steady', async () => {
  const { stage, primary } = await liveStage()
  const backup = await stage.publish('key-ada', true)
  backup.key(0)
  for (let ms = 1_000; ms <= 3_000; ms += 1_000) {
    stage.nowMs += 1_000
    backup.key(ms)
  }
  // Stalled for more than 1.5 s at the second of them.
  expect(stage.seen).toEqual([0, 2_000, 3_000])
  for (let ms = 4_000; ms <= 10_000; ms += 1_000) {
    stage.nowMs += 1_000
    backup.key(ms)
    primary.key(ms + 100)
  }
  expect(stage.seen.slice(3)).toEqual([4_000, 5_000, 6_000, 7_000, 8_000, 9_000, 9_100, 10_100])
})

test('by the channel’s setting the backup stays until the owner or its own end hands back', async () => {
  const { stage, primary, stream } = await liveStage()
  stage.rules = { ...DEFAULT_RULES, backupReturn: 'manual' }
  const backup = await stage.publish('key-ada', true)
  backup.key(0)
  stage.nowMs += 2_000
  backup.key(2_000)
  for (let ms = 3_000; ms <= 12_000; ms += 1_000) {
    stage.nowMs += 1_000
    backup.key(ms)
    primary.key(ms + 100)
  }
  expect(stage.seen).toEqual([
    0, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000, 9_000, 10_000, 11_000, 12_000,
  ])
  stream.prefer('primary')
  primary.key(13_000)
  expect(stage.seen.at(-1)).toBe(13_000)
  stream.prefer('backup')
  backup.key(14_000)
  expect(stage.seen.at(-1)).toBe(14_000)
  backup.drop()
  primary.key(15_000)
  expect(stage.seen.at(-1)).toBe(15_000)
  expect(() => stream.prefer('backup')).toThrow('no backup')
})

test('the stream waits for a return when primary and backup are both gone', async () => {
  const { stage, primary, stream } = await liveStage()
  const backup = await stage.publish('key-ada', true)
  backup.key(0)
  primary.drop()
  backup.key(100)
  backup.drop()
  expect(stream.status).toBe('reconnecting')
  const back = await stage.publish('key-ada', true)
  back.key(0)
  expect(stream.status).toBe('live')
  await waitFor(async () => stage.records.at(-1) === 'live stream-1', { message: 'the record to be live' })
})
