/** The chat's replay in a frontend: in time with the picture, loaded ahead, right after every seek, and bounded. */
import { expect, test } from 'bun:test'
import { TRPCClientError } from '@trpc/client'
import { createChatReplay } from '../../src/client/chat/chat-replay.ts'
import type { AskReplay, ReplayClock, ReplayMessage } from '../../src/client/chat/replay-windows.ts'

class FakeClock implements ReplayClock {
  #now = 1_000
  #timers: { readonly at: number; readonly run: () => void }[] = []

  now(): number {
    return this.#now
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter(each => each !== timer)
    }
  }

  get waiting(): number {
    return this.#timers.length
  }

  /** What is asked meanwhile is answered. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await settle()
      const [next] = this.#timers.filter(each => each.at <= end).sort((a, b) => a.at - b.at)
      if (!next) break
      this.#now = Math.max(this.#now, next.at)
      this.#timers = this.#timers.filter(each => each !== next)
      next.run()
    }
    this.#now = end
    await settle()
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve()
}

function message(offsetMs: number): ReplayMessage {
  const author = { id: null, username: 'ada', badges: [] }
  const rest = { replyTo: null, mentions: [], emotes: [], sentAt: new Date(offsetMs).toISOString() }
  return { id: `id-${offsetMs}`, author, text: `at ${offsetMs}`, offsetMs, ...rest }
}

/** A player and the replay that follows it: `play` tells a position four times a second. */
function open(offsets: readonly number[], options: { pageSize?: number } = {}) {
  const clock = new FakeClock()
  const asked: { fromMs: number; toMs: number; cursor?: string }[] = []
  let failure: unknown
  const query: AskReplay = async input => {
    asked.push(input)
    if (failure !== undefined) throw failure
    const { fromMs, toMs, cursor = '0' } = input
    const all = offsets.filter(each => each >= fromMs && each < toMs).map(message)
    const limit = Math.min(input.limit, options.pageSize ?? 500)
    const end = Number(cursor) + limit
    return { items: all.slice(Number(cursor), end), ...(end < all.length && { nextCursor: String(end) }) }
  }
  const replay = createChatReplay({ api: { chat: { replay: { query } } }, vodId: 'vod', clock })
  const told: { at: number; offsets: number[] }[] = []
  const resets: number[][] = []
  const states: string[] = []
  let positionMs = 0
  replay.on('messages', messages => told.push({ at: positionNow(), offsets: messages.map(m => m.offsetMs) }))
  replay.on('reset', messages => resets.push(messages.map(m => m.offsetMs)))
  replay.on('state', state => states.push(state))
  let [playedFrom, rate] = [0, 1]
  const positionNow = () => positionMs + (clock.now() - playedFrom) * rate
  const play = async (ms: number, speed = 1) => {
    rate = speed
    for (let left = ms; left > 0; left -= 250) {
      playedFrom = clock.now()
      replay.follow({ positionMs, rate })
      await clock.advance(250)
      positionMs += 250 * rate
    }
    playedFrom = clock.now()
  }
  const seek = async (to: number) => {
    positionMs = to
    playedFrom = clock.now()
    replay.follow({ positionMs, isPlaying: false })
    await settle()
  }
  const fail = (with_: unknown) => {
    failure = with_
  }
  const all = () => told.flatMap(each => each.offsets)
  return { replay, clock, asked, told, resets, states, play, seek, fail, all }
}

test('each message comes once, when the picture is there', async () => {
  const offsets = Array.from({ length: 70 }, (_, n) => 370 + n * 1_310)
  const { play, told, all, resets } = open(offsets)
  await play(95_000)
  expect([...resets.flat(), ...all()]).toEqual(offsets)
  expect(resets).toEqual([[]])
  for (const { at, offsets: some } of told)
    for (const offset of some) expect(Math.abs(at - offset)).toBeLessThanOrEqual(250)
})

test('at double speed and after a pause too; while it stands still nothing comes', async () => {
  const offsets = Array.from({ length: 200 }, (_, n) => n * 500 + 1)
  const { replay, play, clock, told, all, resets } = open(offsets)
  await play(20_000, 2)
  expect(all().at(-1)).toBeGreaterThan(39_000)
  const count = all().length
  replay.follow({ positionMs: 40_000, isPlaying: false })
  await clock.advance(60_000)
  expect(all().length - count).toBeLessThanOrEqual(1)
  expect(clock.waiting).toBe(0)
  await play(5_000)
  const seen = [...resets.flat(), ...all()]
  expect(seen).toEqual(offsets.slice(0, seen.length))
  for (const { at, offsets: some } of told)
    for (const offset of some) expect(Math.abs(at - offset)).toBeLessThanOrEqual(500)
})

test('a player that says nothing any more is not believed for long', async () => {
  const { replay, clock, all } = open(Array.from({ length: 100 }, (_, n) => n * 300))
  replay.follow({ positionMs: 0 })
  await clock.advance(30_000)
  expect(Math.max(0, ...all())).toBeLessThanOrEqual(1_200)
})

test('windows are loaded ahead, once, and each is paged through', async () => {
  const offsets = Array.from({ length: 600 }, (_, n) => n * 100)
  const { play, asked, all, resets } = open(offsets, { pageSize: 70 })
  await play(29_000)
  // The one that plays and the next, in pages.
  expect(new Set(asked.map(each => each.fromMs))).toEqual(new Set([0, 30_000]))
  expect(asked.filter(each => each.fromMs === 0)).toHaveLength(5)
  const before = asked.length
  await play(3_000)
  expect(asked.slice(before).map(each => each.fromMs)).toEqual([60_000])
  const seen = [...resets.flat(), ...all()]
  expect(seen).toEqual(offsets.slice(0, seen.length))
  expect(seen.at(-1)).toBeGreaterThan(31_500)
})

test('seeking shows what was said just before, then goes on from there; forward, back, and far', async () => {
  const offsets = Array.from({ length: 2_000 }, (_, n) => n * 700)
  const { play, seek, resets, all, asked } = open(offsets)
  await play(5_000)
  await seek(600_000)
  const last = resets.at(-1)!
  expect(last).toEqual(offsets.filter(each => each <= 600_100).slice(-last.length))
  expect(last.length).toBeGreaterThan(20)
  const told = all().length
  await play(4_000)
  expect(all().slice(told)[0]).toBe(offsets.find(each => each > 600_100)!)
  await seek(590_000)
  expect(resets.at(-1)!.at(-1)).toBe(offsets.filter(each => each <= 590_100).at(-1)!)
  const asks = asked.length
  await seek(605_000)
  // That is there already.
  expect(asked).toHaveLength(asks)
  expect(resets.at(-1)!.at(-1)).toBe(offsets.filter(each => each <= 605_100).at(-1)!)
  // A few hundred milliseconds back are no seek.
  const { length } = resets
  await seek(604_600)
  expect(resets).toHaveLength(length)
  for (let n = 0; n < 40; n++) await seek(n * 30_000 + 15_000)
  expect(resets.at(-1)!.length).toBeLessThanOrEqual(100)
})

test('seeking back after a while asks again: something may have been deleted', async () => {
  const { play, seek, asked } = open([])
  await play(10_000)
  await play(80_000)
  const before = asked.length
  await seek(5_000)
  expect(asked.slice(before).map(each => each.fromMs)).toContain(0)
})

test('what cannot be loaded is tried again, and what was missed meanwhile comes at once', async () => {
  const offsets = Array.from({ length: 100 }, (_, n) => n * 1_000)
  const { play, fail, resets, all, states, asked, replay, clock } = open(offsets)
  fail(new TypeError('network'))
  await play(6_000)
  expect(states).toEqual(['failing'])
  expect(asked.length).toBeLessThan(10)
  fail(undefined)
  await play(10_000)
  expect(states).toEqual(['failing', 'ready'])
  const seen = [...resets.flat(), ...all()]
  expect(seen).toEqual(offsets.slice(0, seen.length))
  expect(seen.length).toBeGreaterThanOrEqual(15)
  replay.close()
  replay.close()
  expect(clock.waiting).toBe(0)
})

test('a video that is not to be seen is not asked for again', async () => {
  const { play, fail, states, asked } = open([])
  const data = { reason: 'vod_not_found', httpStatus: 404, code: 'NOT_FOUND' }
  fail(TRPCClientError.from({ error: { code: -32_004, message: 'There is no such video.', data } } as never))
  await play(60_000)
  expect(states).toEqual(['unavailable'])
  expect(asked.length).toBeLessThanOrEqual(3)
})
