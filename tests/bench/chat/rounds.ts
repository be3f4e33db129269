/** What crowds do alike: their speakers speak in turn, each text says when it was sent, and all wait for the last to be heard. */
import { quantile } from '../../support/statistics.ts'

/** Speakers of a crowd; they are sent answers, too. */
export const SENDERS = 200
const CONNECTING_AT_ONCE = 100
export const CONNECT_MS = 20_000
const RUN_SECONDS = 4
const TICK_MS = 5
/** Nothing has arrived for so long: all has. */
const QUIET_MS = 500
const DRAIN_MS = 15_000
const FILLER = 'what a chatter says is about as long as this is'

/** Milliseconds, the same in every process of the machine. */
export const now = () => performance.timeOrigin + performance.now()

/** What a message says when it was sent by. */
export const STAMP = /^t=(\d+\.\d+) /

/** How many connections are made in all, so many at once. */
export async function connectAll(count: number, join: () => Promise<void>): Promise<void> {
  for (let left = count; left > 0; left -= CONNECTING_AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(left, CONNECTING_AT_ONCE) }, join))
}

/** Messages come one by one, `rate` of them a second; answers with how many they were. */
export async function speak(rate: number, say: (text: string, ref: number) => void): Promise<number> {
  const startedAt = performance.now()
  let sent = 0
  while (sent < rate * RUN_SECONDS) {
    const due = Math.min(rate * RUN_SECONDS, ((performance.now() - startedAt) / 1000) * rate)
    for (; sent < due; sent++) say(`t=${now().toFixed(3)} ${FILLER}`, sent)
    await Bun.sleep(TICK_MS)
  }
  return sent
}

/** `lastAt`: when something has arrived last, by `performance.now()`. */
export async function untilQuiet(lastAt: () => number): Promise<void> {
  const deadline = performance.now() + DRAIN_MS
  while (performance.now() - lastAt() < QUIET_MS && performance.now() < deadline) await Bun.sleep(50)
}

/** Of delays in milliseconds. */
export function quantiles(delays: readonly number[]): { p50: number; p99: number } {
  const at = (share: number) => quantile(delays, share) ?? Number.POSITIVE_INFINITY
  return { p50: at(0.5), p99: at(0.99) }
}
