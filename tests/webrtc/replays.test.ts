/** How those who come in the middle of a group of pictures are shown it from its start. */
import { afterEach, beforeEach, expect, jest, test } from 'bun:test'
import type { AccessUnit } from '../../media/access-unit.ts'
import { Replays, START_LAYERS } from '../../src/webrtc/replays.ts'
import { videoUnit } from '../live/tracks.ts'

const STEP_MS = 40

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

interface Sent {
  readonly layer: number
  readonly unit: AccessUnit
  readonly isLive: boolean
  readonly at: number
}

/** A source of 25 pictures a second, and what goes out on the start layers. */
class Rig {
  now = 0
  readonly sent: Sent[] = []
  readonly opened: number[] = []
  readonly replays = new Replays({
    outlet: {
      open: layer => this.opened.push(layer),
      send: (layer, unit, isLive) => this.sent.push({ layer, unit, isLive, at: this.now }),
    },
    now: () => this.now,
  })
  readonly #groupMs: number
  readonly #bytes: number
  #nextMs = 0

  constructor({ groupMs = 10_000, bytes = 1_000 } = {}) {
    this.#groupMs = groupMs
    this.#bytes = bytes
  }

  async run(ms: number): Promise<void> {
    for (const end = this.now + ms; this.now < end; this.now++) {
      if (this.now === this.#nextMs) {
        this.replays.push(videoUnit(this.now, { isKey: this.now % this.#groupMs === 0, bytes: this.#bytes }))
        this.#nextMs += STEP_MS
      }
      jest.advanceTimersByTime(1)
      await Promise.resolve()
      await Promise.resolve()
      await Promise.resolve()
    }
  }

  /** A viewer comes; when it was told of a layer, and which. */
  join(): { leave: () => void; heard: { layer: number; at: number }[] } {
    const heard: { layer: number; at: number }[] = []
    const leave = this.replays.join(async layer => {
      heard.push({ layer, at: this.now })
    })
    return { leave, heard }
  }

  of(layer: number): Sent[] {
    return this.sent.filter(each => each.layer === layer)
  }
}

test('a viewer gets the group from its key unit, each picture once, faster than it was, and then what comes', async () => {
  const rig = new Rig()
  await rig.run(5_000)
  expect(rig.sent).toEqual([])
  const { leave, heard } = rig.join()
  await rig.run(4_000)
  expect(heard).toEqual([{ layer: 0, at: 5_000 }])
  const times = rig.of(0).map(({ unit }) => unit.dts / 90)
  expect(times[0]).toBe(0)
  expect(times).toEqual(times.map((_, index) => index * STEP_MS))
  expect(rig.sent[0]!.at - 5_000).toBeLessThan(20)
  const caughtUp = rig.of(0).find(each => each.isLive)!
  expect(caughtUp.at - 5_000).toBeLessThan(3_000)
  expect(rig.sent.filter(each => each.at > caughtUp.at).every(each => each.isLive)).toBe(true)
  leave()
  leave()
  const before = rig.sent.length
  await rig.run(3_000)
  expect(rig.sent.length).toBe(before)
})

test('a stream of many bits is replayed at twice its pace at least, and a small one sooner', async () => {
  const caughtUpMs = async (bytes: number) => {
    const rig = new Rig({ bytes })
    await rig.run(4_000)
    rig.join()
    await rig.run(5_900)
    return rig.sent.find(each => each.isLive)!.at - 4_000
  }
  expect(await caughtUpMs(40_000)).toBeLessThan(4_500)
  expect(await caughtUpMs(1_000)).toBeLessThan(1_200)
})

test('the source’s next key unit ends the catching up', async () => {
  const rig = new Rig({ bytes: 40_000 })
  await rig.run(9_000)
  rig.join()
  await rig.run(2_000)
  const units = rig.of(0)
  const key = units.findIndex(({ unit }) => unit.dts === 10_000 * 90)
  expect(units[key]!.isLive).toBe(true)
  expect(units[key - 1]!.unit.dts).toBeLessThan(9_000 * 90)
  expect(units.slice(key).every(each => each.isLive)).toBe(true)
})

test('who comes together shares a replay, and no crowd waits long or uses up the layers', async () => {
  const rig = new Rig()
  const joined: (ReturnType<Rig['join']> & { at: number })[] = []
  for (let ms = 0; ms < 20_000; ms += 50) {
    await rig.run(50)
    // The source's key unit takes everybody who has a picture.
    if (rig.now % 10_000 === 50) for (const { heard, leave } of joined) if (heard.length > 0) leave()
    joined.push({ at: rig.now, ...rig.join() })
  }
  const waits = joined.map(({ at, heard }) => (heard[0]?.at ?? 20_000) - at)
  expect(Math.max(...waits)).toBeLessThan(2_500)
  expect(rig.opened.length).toBeLessThanOrEqual(2 * START_LAYERS)
})

test('a layer is free again when the last of its viewers has gone, and given up after a while in any case', async () => {
  const rig = new Rig({ groupMs: 2_000 })
  await rig.run(1_000)
  const viewers = [rig.join(), rig.join()]
  await rig.run(100)
  viewers[0]!.leave()
  await rig.run(200)
  expect(rig.sent.at(-1)!.at).toBeGreaterThan(1_200)
  viewers[1]!.leave()
  rig.join()
  await rig.run(1_000)
  expect(rig.opened).toEqual([0, 0])
  // This one never changes to the source.
  await rig.run(20_000)
  expect(rig.sent.at(-1)!.at).toBeLessThan(15_000)
})

test('a group that grows too large is not replayed; the next one is', async () => {
  const rig = new Rig({ groupMs: 4_000, bytes: 300_000 })
  await rig.run(3_500)
  const { heard } = rig.join()
  await rig.run(450)
  expect(heard).toEqual([])
  await rig.run(600)
  expect(heard.length).toBe(1)
  expect(rig.sent[0]!.unit.dts).toBe(4_000 * 90)
})

test('another broadcast goes on with its own key unit on the layers that are watched, and replays nothing of before', async () => {
  const rig = new Rig({ bytes: 20_000 })
  await rig.run(9_000)
  rig.join()
  await rig.run(200)
  rig.replays.clear()
  const before = rig.sent.length
  const { heard } = rig.join()
  await rig.run(700)
  expect(rig.sent.length).toBe(before)
  expect(heard).toEqual([])
  await rig.run(500)
  expect(rig.sent[before]).toMatchObject({ layer: 0, isLive: true, unit: { isKey: true, dts: 10_000 * 90 } })
  expect(heard.map(({ layer }) => layer)).toEqual([1])
})
