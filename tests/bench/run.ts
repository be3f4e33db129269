/** What every part of the benchmark is given, and how it tells whether a measurement can be believed. */
import type { Browser } from '../support/browser.ts'
import { type TreeCost, treeCost, treeUsage } from '../support/process-tree.ts'
import type { Publisher } from '../support/publisher.ts'
import type { Report } from './report.ts'
import type { System } from './systems/system.ts'

export interface Settings {
  readonly seconds: number
  readonly joins: number
  readonly viewers: number
  readonly publishers: number
  /** Native WebRTC viewers at most. */
  readonly capacity: number
  /** Players of Low-Latency HLS. */
  readonly players: number
  /** Seeks in a video. */
  readonly seeks: number
  /** Of the soak. */
  readonly minutes: number
}

export interface Run {
  readonly system: System
  readonly browser: Browser
  readonly testPageUrl: string
  readonly settings: Settings
  readonly report: Report
}

/** Above this, a delay shows the machine's queue for its cores. */
export const BUSY_PERCENT_FOR_DELAYS = 80
/** A cost is the same on a busy machine, as long as the work is still done in time. */
export const BUSY_PERCENT_FOR_COSTS = 95
const LATE_MS = 100

/** Charges the system for what happens during `work`, and tells what spoils it. */
export async function observe<T>(
  run: Run,
  options: { busyPercent: number; publishers: readonly Publisher[] },
  work: () => Promise<T>,
): Promise<{ value: T; cost: TreeCost; doubts: string[] }> {
  for (const { source } of options.publishers) source?.resetTiming()
  const before = treeUsage(run.system.pid)
  const value = await work()
  const cost = treeCost(before, treeUsage(run.system.pid))
  const doubts: string[] = []
  if (cost.machineBusyPercent > options.busyPercent)
    doubts.push(
      `the machine was ${cost.machineBusyPercent.toFixed(0)} % busy (more than ${options.busyPercent} %)`,
    )
  for (const publisher of options.publishers) doubts.push(...(await doubtsAbout(publisher)))
  return { value, cost, doubts: [...new Set(doubts)] }
}

/** Does `work` for every item, even when it fails for some; then throws what failed, in one error. */
export async function forEachOf<T extends string>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const failures: string[] = []
  for (const item of items)
    await work(item).catch((error: Error) => failures.push(`${item}: ${error.message}`))
  if (failures.length > 0) throw new Error(failures.join('; '))
}

async function doubtsAbout(publisher: Publisher): Promise<string[]> {
  const exit = await Promise.race([publisher.exited, Promise.resolve(undefined)])
  if (exit) throw new Error(`the publisher ended: ${exit.stderr.slice(-500)}`)
  const lateMs = publisher.source?.timing.latestMs ?? 0
  return lateMs > LATE_MS ? [`the publisher was ${lateMs.toFixed(0)} ms late (more than ${LATE_MS} ms)`] : []
}
