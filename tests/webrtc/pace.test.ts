import { afterEach, beforeEach, expect, jest, test } from 'bun:test'
import type { AccessUnit } from '../../media/access-unit.ts'
import { opusTrack } from '../../src/live/opus-run.ts'
import { Pacer } from '../../src/webrtc/pacer.ts'

const START = 1_700_000_000_000
const FRAME_MS = 10

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

function sound(ms: number): AccessUnit {
  return { track: opusTrack, dts: ms * 48, pts: ms * 48, isKey: true, data: new Uint8Array(160) }
}

/** A pacer with a clock that only `run` moves. */
class Rig {
  now = START
  readonly sent: { ms: number; at: number }[] = []
  readonly pacer = new Pacer({
    send: unit => this.sent.push({ ms: unit.pts / 48, at: this.now - START }),
    now: () => this.now,
  })
  #captured = 0

  /** Units of sound for `ms`, each arriving when `arrival` says (milliseconds since the start). */
  run(ms: number, arrival: (capturedMs: number) => number, jumpMs = 0): void {
    const end = this.now + ms
    for (; this.now < end; this.now++) {
      jest.advanceTimersByTime(1)
      while (arrival(this.#captured) <= this.now - START) {
        this.pacer.push(sound(this.#captured), START + this.#captured + jumpMs)
        this.#captured += FRAME_MS
      }
    }
  }

  /** Milliseconds between the last `count` units as they were sent. */
  steps(count: number): number[] {
    const last = this.sent.slice(-count - 1)
    return last.slice(1).map((each, index) => each.at - last[index]!.at)
  }
}

/** Two audio frames at a time behind a video frame: what encoders do. */
function inBursts(capturedMs: number): number {
  return Math.ceil((capturedMs + 1) / 40) * 40 + 5
}

test('sound that comes in bursts leaves at an even pace, whole and in order', () => {
  const rig = new Rig()
  rig.run(10_000, inBursts)
  expect(rig.sent.map(each => each.ms)).toEqual(rig.sent.map((_, index) => index * FRAME_MS))
  expect(rig.sent.length).toBeGreaterThan(980)
  for (const step of rig.steps(400)) expect(Math.abs(step - FRAME_MS)).toBeLessThanOrEqual(3)
  expect(rig.pacer.holdMs).toBeLessThanOrEqual(45)
})

test('sound that comes evenly is hardly held after a while', () => {
  const rig = new Rig()
  rig.run(30_000, capturedMs => capturedMs + 4)
  expect(rig.pacer.holdMs).toBeLessThan(6)
  const late = rig.sent.slice(-100).map(({ ms, at }) => at - ms)
  expect(Math.max(...late)).toBeLessThan(8)
})

test('after a stall, what is later than anything is held leaves at once', () => {
  const rig = new Rig()
  rig.run(5_000, inBursts)
  const stalled = (capturedMs: number) =>
    capturedMs < 5_000 ? inBursts(capturedMs) : Math.max(6_000, inBursts(capturedMs))
  rig.run(3_000, stalled)
  const backlog = rig.sent.filter(({ ms }) => ms >= 5_000 && ms < 5_840)
  expect(backlog.length).toBe(84)
  for (const { at } of backlog) expect(at).toBeLessThanOrEqual(6_002)
  rig.run(10_000, stalled)
  for (const step of rig.steps(100)) expect(Math.abs(step - FRAME_MS)).toBeLessThanOrEqual(3)
})

test('time stamps that jump ahead do not hold the sound', () => {
  const rig = new Rig()
  rig.run(3_000, inBursts)
  rig.run(3_000, inBursts, 600_000)
  for (const { ms, at } of rig.sent.slice(-100)) expect(at - ms).toBeLessThan(200)
  expect(rig.sent.length).toBeGreaterThan(580)
})
