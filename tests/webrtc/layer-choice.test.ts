import { afterEach, beforeEach, expect, jest, test } from 'bun:test'
import { LayerChoice } from '../../src/webrtc/layer-choice.ts'

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

/** A viewer of four layers (240p, 480p, 720p, source), who gets whatever is preferred for it. */
class Rig {
  now = 0
  readonly preferred: number[] = []
  readonly searched: number[] = []
  readonly choice: LayerChoice
  #isActive = [true, true, true, true]
  #score = 10

  constructor(options: { hasEstimate: boolean; isActive?: boolean[] }) {
    this.#isActive = options.isActive ?? this.#isActive
    this.choice = new LayerChoice({
      reception: { score: 10, isActive: this.#isActive },
      prefer: layer => {
        this.preferred.push(layer)
      },
      search: options.hasEstimate ? layer => this.searched.push(layer) : undefined,
      now: () => this.now,
    })
  }

  get wanted(): number {
    return this.preferred.at(-1) ?? 0
  }

  /** Pictures of what it wants arrive, until it wants no other. */
  settle(): void {
    while (this.choice.current !== this.wanted) this.choice.shown(this.wanted)
  }

  score(score: number, isActive = this.#isActive): void {
    this.#score = score
    this.#isActive = isActive
    this.choice.received({ score, isActive })
  }

  /** A receiver's report a second: so much worse each. */
  lose(seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      this.run(1_000)
      this.score(Math.max(0, this.#score - 1))
      this.settle()
    }
  }

  run(ms: number): void {
    for (const end = this.now + ms; this.now < end; this.now += 100) jest.advanceTimersByTime(100)
    this.settle()
  }
}

test('a viewer starts on the lowest layer, then gets the best rendition, then the source', () => {
  const rig = new Rig({ hasEstimate: false })
  rig.choice.shown(0)
  expect(rig.preferred).toEqual([2])
  rig.choice.shown(2)
  expect(rig.preferred).toEqual([2, 3])
})

test('a rendition that there is not is not waited for', () => {
  const rig = new Rig({ hasEstimate: true, isActive: [true, true, false, true] })
  rig.choice.shown(0)
  expect(rig.wanted).toBe(1)
  rig.choice.shown(1)
  expect(rig.wanted).toBe(3)
  // The best rung is shed while bandwidth keeps the viewer low.
  const other = new Rig({ hasEstimate: true })
  other.choice.shown(1)
  expect(other.wanted).toBe(2)
  other.score(10, [true, true, false, true])
  expect(other.wanted).toBe(3)
})

test('a picture that was away is begun with the lowest layer again', () => {
  const rig = new Rig({ hasEstimate: true })
  rig.settle()
  rig.choice.shown(0)
  rig.settle()
  rig.choice.shown(undefined)
  expect(rig.wanted).toBe(0)
})

test('what a viewer pins holds, and ends when it is taken back', () => {
  const rig = new Rig({ hasEstimate: true })
  rig.choice.shown(0)
  rig.choice.pin(1)
  rig.settle()
  rig.score(10, [true, true, false, true])
  expect([rig.wanted, rig.choice.pinned]).toEqual([1, 1])
  rig.choice.pin(undefined)
  rig.settle()
  expect([rig.wanted, rig.choice.pinned]).toEqual([3, undefined])
})

test('lasting loss moves a viewer down step by step, calm moves it up, and patience grows', () => {
  const rig = new Rig({ hasEstimate: false })
  rig.choice.shown(0)
  rig.settle()
  rig.lose(4)
  expect(rig.wanted).toBeLessThan(3)
  const afterFirst = rig.now
  while (rig.wanted < 3 && rig.now < afterFirst + 60_000) rig.run(1_000)
  const first = rig.now - afterFirst
  expect(first).toBeLessThan(15_000)
  rig.score(10)
  const waits: number[] = []
  for (let round = 0; round < 3; round++) {
    rig.run(3_000)
    rig.lose(1)
    const begun = rig.now
    expect(rig.wanted).toBeLessThan(3)
    while (rig.wanted < 3 && rig.now < begun + 600_000) rig.run(1_000)
    waits.push(rig.now - begun)
    rig.score(10)
  }
  expect(waits[1]!).toBeGreaterThan(waits[0]!)
  expect(waits[2]!).toBeGreaterThan(waits[1]!)
  rig.choice.close()
})

test('a single loss while a move still settles changes nothing, nor does one where bandwidth is estimated', () => {
  const rig = new Rig({ hasEstimate: true })
  rig.choice.shown(0)
  rig.settle()
  rig.lose(8)
  expect(rig.wanted).toBe(3)
})

test('a layer that does not come is asked for again, until it comes or the session ends', () => {
  const rig = new Rig({ hasEstimate: false })
  rig.choice.shown(undefined)
  jest.advanceTimersByTime(2_100)
  expect(rig.preferred).toEqual([3, 0])
  rig.choice.shown(0)
  jest.advanceTimersByTime(4_100)
  expect(rig.preferred).toEqual([3, 0, 2, 0, 2, 0, 2])
  rig.settle()
  const before = rig.preferred.length
  jest.advanceTimersByTime(60_000)
  expect(rig.preferred.length).toBe(before)
  rig.choice.shown(0)
  rig.choice.close()
  const closed = rig.preferred.length
  jest.advanceTimersByTime(60_000)
  expect(rig.preferred.length).toBe(closed)
})

test('while a viewer waits for a better layer, more bandwidth is searched for, and only then', () => {
  const rig = new Rig({ hasEstimate: true })
  rig.choice.shown(0)
  rig.settle()
  jest.advanceTimersByTime(60_000)
  expect(rig.searched).toEqual([])
  // As when bandwidth keeps it low.
  rig.choice.shown(0)
  jest.advanceTimersByTime(6_100)
  expect(rig.searched).toEqual([3, 3, 3])
  rig.choice.shown(2)
  jest.advanceTimersByTime(2_100)
  expect(rig.searched.at(-1)).toBe(3)
  rig.choice.shown(3)
  const found = rig.searched.length
  jest.advanceTimersByTime(60_000)
  expect(rig.searched.length).toBe(found)
  rig.choice.pin(1)
  rig.choice.shown(1)
  jest.advanceTimersByTime(60_000)
  expect(rig.searched.length).toBe(found)
  rig.choice.shown(0)
  jest.advanceTimersByTime(2_100)
  expect(rig.searched.at(-1)).toBe(1)
  rig.choice.close()
})

test('where there is no rendition, a viewer starts on the start layer it is given, and moves to the source', async () => {
  const preferred: number[] = []
  const isActive = [false, true]
  const choice = new LayerChoice({
    reception: { score: 10, isActive },
    prefer: layer => {
      preferred.push(layer)
    },
  })
  choice.shown(undefined)
  await choice.startOn(3)
  expect(preferred).toEqual([3])
  choice.shown(3)
  expect(preferred).toEqual([3, 1])
  // Loss has nowhere to take it.
  choice.received({ score: 3, isActive })
  expect(preferred).toEqual([3, 1])
  // mediasoup may leave out the source as long as it has no sender report of it.
  jest.advanceTimersByTime(2_100)
  expect(preferred).toEqual([3, 1, 3, 1])
  choice.shown(1)
  jest.advanceTimersByTime(60_000)
  expect(preferred.length).toBe(4)
  choice.shown(undefined)
  expect(preferred.at(-1)).toBe(0)
  choice.shown(1)
  await choice.startOn(2)
  expect(preferred).not.toContain(2)
  choice.close()
})
