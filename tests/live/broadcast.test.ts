import { expect, test } from 'bun:test'
import type { AccessUnit } from '../../media/access-unit.ts'
import { Broadcast, type Sink } from '../../src/live/broadcast.ts'
import { createLog } from '../../src/log.ts'
import { audio, audioUnit, video, videoUnit } from './tracks.ts'

const log = createLog('silent')

class RecordingSink implements Sink {
  readonly units: AccessUnit[] = []
  readonly causes: (Error | undefined)[] = []
  failure: Error | undefined

  write(unit: AccessUnit): void {
    if (this.failure) throw this.failure
    this.units.push(unit)
  }

  async close(cause?: Error): Promise<void> {
    this.causes.push(cause)
  }
}

function open(onFirstKeyUnit = () => {}) {
  const broadcast = new Broadcast({ tracks: { video, audio }, log, onFirstKeyUnit })
  const sinks = [new RecordingSink(), new RecordingSink(), new RecordingSink()] as const
  for (const sink of sinks) broadcast.addSink(sink)
  return { broadcast, sinks }
}

test('nothing passes before the first key frame, and everything in its order from then on', () => {
  let isLive = 0
  const { broadcast, sinks } = open(() => isLive++)
  const late = [
    videoUnit(80, { isKey: true }),
    audioUnit(85),
    videoUnit(120),
    videoUnit(160, { isKey: true }),
  ]
  broadcast.write(audioUnit(0))
  broadcast.write(videoUnit(40))
  expect(isLive).toBe(0)
  for (const unit of late) broadcast.write(unit)
  for (const sink of sinks) expect(sink.units).toEqual(late)
  expect(isLive).toBe(1)
})

test('a sink that throws is removed and closed with its error; the others and the publisher go on', async () => {
  const { broadcast, sinks } = open()
  broadcast.write(videoUnit(0, { isKey: true }))
  const failure = new Error('disk full')
  sinks[1].failure = failure
  broadcast.write(videoUnit(40))
  sinks[1].failure = undefined
  broadcast.write(videoUnit(80))
  expect(sinks.map(sink => sink.units.length)).toEqual([3, 1, 3])
  expect(sinks[1].causes).toEqual([failure])
  await broadcast.close()
  expect(sinks.map(sink => sink.causes)).toEqual([[undefined], [failure], [undefined]])
})

test('a sink added later sees what comes from then on', () => {
  const { broadcast } = open()
  broadcast.write(videoUnit(0, { isKey: true }))
  const sink = new RecordingSink()
  broadcast.addSink(sink)
  broadcast.write(videoUnit(40))
  expect(sink.units.map(unit => unit.dts)).toEqual([3_600])
})

test('closed twice, each sink is closed once, with the first cause', async () => {
  const { broadcast, sinks } = open()
  const cause = new Error('gone')
  await Promise.all([broadcast.close(cause), broadcast.close()])
  await broadcast.close(new Error('later'))
  expect(sinks.map(sink => sink.causes)).toEqual([[cause], [cause], [cause]])
  expect(await broadcast.closed).toBe(cause)
  expect(broadcast.isOpen).toBe(false)
})

test('nothing is written once it closes', () => {
  const { broadcast, sinks } = open()
  broadcast.write(videoUnit(0, { isKey: true }))
  void broadcast.close()
  broadcast.write(videoUnit(40, { isKey: true }))
  expect(sinks[0].units.length).toBe(1)
})

test('it is closed only when its slowest sink is, and although one fails to close', async () => {
  const { broadcast, sinks } = open()
  const slow = Promise.withResolvers<void>()
  sinks[0].close = () => slow.promise
  sinks[1].close = () => Promise.reject(new Error('stuck'))
  let isClosed = false
  const closing = broadcast.close().then(() => {
    isClosed = true
  })
  await Bun.sleep(0)
  expect(isClosed).toBe(false)
  slow.resolve()
  await closing
  expect(sinks[2].causes.length).toBe(1)
  expect(await broadcast.closed).toBeUndefined()
})

test('a notice replaces the one with its code, and goes when it is cleared', () => {
  const { broadcast } = open()
  broadcast.notice({ code: 'b_frames', level: 'warning', message: 'one' })
  broadcast.notice({ code: 'b_frames', level: 'warning', message: 'two' })
  expect(broadcast.health().notices).toMatchObject([{ code: 'b_frames', message: 'two' }])
  broadcast.clearNotice('b_frames')
  broadcast.clearNotice('unknown')
  expect(broadcast.health().notices).toEqual([])
})
