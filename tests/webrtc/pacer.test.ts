/** Sound leaves evenly, in order, and no later than it must. */
import { expect, test } from 'bun:test'
import type { AccessUnit } from '../../media/access-unit.ts'
import { opusTrack } from '../../src/live/opus-run.ts'
import { Pacer } from '../../src/webrtc/pacer.ts'
import { waitFor } from '../support/wait-for.ts'

const PACKET_MS = 10

function unit(index: number): AccessUnit {
  const pts = index * 480
  return { track: opusTrack, dts: pts, pts, isKey: true, data: new Uint8Array(1) }
}

/** Pushes `count` units which come in bursts of four, the last of a burst as soon as it was captured. */
function pushBursts(pacer: Pacer, clock: { now: number }, count: number, extraMs = 0): void {
  for (let index = 0; index < count; index++) {
    const burstEnd = (Math.floor(index / 4) * 4 + 4) * PACKET_MS
    clock.now = burstEnd + extraMs
    pacer.push(unit(index), index * PACKET_MS)
  }
}

test('a burst leaves in order, as evenly as it was captured', async () => {
  const sent: { pts: number; at: number }[] = []
  const pacer = new Pacer({ send: ({ pts }) => sent.push({ pts, at: performance.now() }) })
  const now = Date.now()
  for (let index = 0; index < 4; index++) pacer.push(unit(index), now - (3 - index) * PACKET_MS)
  await waitFor(() => sent.length === 4, { message: 'all to be sent' })
  expect(sent.map(each => each.pts)).toEqual([0, 480, 960, 1440])
  // Pushed at once, they took the time that they last, up to the timers' millisecond.
  expect(sent.at(-1)!.at - sent[0]!.at).toBeGreaterThan(3 * PACKET_MS - 3)
  pacer.close()
})

test('the hold follows the lateness of nearly all units, and one stall does not change it', () => {
  const clock = { now: 0 }
  const pacer = new Pacer({ send: () => {}, now: () => clock.now })
  pushBursts(pacer, clock, 64 * 60)
  const settled = pacer.holdMs
  expect(settled).toBeGreaterThanOrEqual(30)
  expect(settled).toBeLessThanOrEqual(41)
  pushBursts(pacer, clock, 100, 1_000)
  expect(Math.abs(pacer.holdMs - settled)).toBeLessThan(3)
  pushBursts(pacer, clock, 64 * 60, 60)
  expect(pacer.holdMs).toBeGreaterThan(90)
  pushBursts(pacer, clock, 64 * 100, 5_000)
  expect(pacer.holdMs).toBeLessThanOrEqual(150)
  pacer.close()
})

test('at most a second waits, then the oldest leave early', () => {
  const sent: number[] = []
  const pacer = new Pacer({ send: ({ pts }) => sent.push(pts), now: () => 0 })
  for (let index = 0; index < 100; index++) pacer.push(unit(index), 0)
  expect(sent).toEqual(Array.from({ length: 50 }, (_, index) => index * 480))
  pacer.close()
})

test('nothing leaves after it was closed, and closing twice is no error', async () => {
  const sent: AccessUnit[] = []
  const pacer = new Pacer({ send: each => sent.push(each) })
  pacer.push(unit(0), Date.now())
  pacer.close()
  pacer.close()
  await Bun.sleep(100)
  expect(sent).toEqual([])
})
