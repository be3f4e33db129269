/** How many viewers one server feeds, and what each costs: native WebRTC receivers, and players of Low-Latency HLS. */
import { encodeFile, publish } from '../support/publisher.ts'
import type { Distribution } from '../support/statistics.ts'
import { waitFor } from '../support/wait-for.ts'
import { LoadProcess } from './load-process.ts'
import { BUSY_PERCENT_FOR_COSTS, observe, type Run } from './run.ts'

const START_MS = 20_000
const SETTLING_MS = 3_000
const MEASURED_MS = 10_000
/** One process holds no more: a thousand open files. */
const VIEWERS_PER_PROCESS = 50
const PLAYERS_PER_PROCESS = 250
/** The more viewers, the less their number may hide how the first few fared. */
const LEAST_DELAY_MS = 10

/** Adds WebRTC viewers until the p95 of their frames' delay has doubled, or the machine has nothing left. */
export async function measureCapacity(run: Run): Promise<void> {
  const stream = await run.system.newStream()
  if (!stream.whep || typeof stream.publish !== 'string') return
  await using publisher = await publish(stream.publish, { codecCopyFrom: await encodeFile() })
  await live(stream.whep)
  await using stack = new AsyncDisposableStack()
  const processes: LoadProcess[] = []
  let before: { viewers: number; corePercent: number; p95: number } | undefined
  let good = 0
  let costs: { perViewer: number; doubts: string[] } | undefined
  while (good < run.settings.capacity) {
    const viewers = stack.use(new LoadProcess('native-viewers.ts', stream.whep))
    await viewers.ask(`add ${VIEWERS_PER_PROCESS}`)
    processes.push(viewers)
    await Bun.sleep(SETTLING_MS)
    await Promise.all(processes.map(each => each.ask('measure')))
    const { cost, doubts } = await observe(
      run,
      { busyPercent: BUSY_PERCENT_FOR_COSTS, publishers: [publisher] },
      () => Bun.sleep(MEASURED_MS),
    )
    const delays = await Promise.all(processes.map(each => each.ask<Distribution>('report')))
    const p95 = Math.max(...delays.map(delay => delay.p95))
    const count = processes.length * VIEWERS_PER_PROCESS
    before ??= { viewers: count, corePercent: cost.corePercent, p95: Math.max(p95, LEAST_DELAY_MS) }
    run.report.note(
      `${run.system.name}: ${count} native viewers: ${cost.corePercent.toFixed(0)} % of a core, frames p95 ${p95.toFixed(0)} ms late, machine ${cost.machineBusyPercent.toFixed(0)} % busy`,
    )
    if (p95 > 2 * before.p95) break
    good = count
    if (count > before.viewers)
      costs = { perViewer: (cost.corePercent - before.corePercent) / (count - before.viewers), doubts }
  }
  if (costs) run.report.add(run.system.name, 'capacity.viewer', costs.perViewer, costs.doubts)
  run.report.add(run.system.name, 'capacity.viewers', good)
}

/** The address answers: the channel is live. */
async function live(address: string): Promise<void> {
  await waitFor(async () => (await fetch(address)).ok, {
    message: `${address} to be live`,
    timeoutMs: START_MS,
  })
}

interface HlsReport {
  readonly requests: number
  readonly bytes: number
  readonly errors: number
  readonly partMs: Distribution
}

/** A thousand players of one stream. */
export async function measureHlsPlayers(run: Run): Promise<void> {
  const stream = await run.system.newStream()
  if (!run.system.reencodes || !stream.hls || typeof stream.publish !== 'string') return
  // A small picture: it is the requests that are measured, not the memory bandwidth of the loopback interface.
  const file = await encodeFile({ size: '640x360', bitrate: '400k' })
  await using publisher = await publish(stream.publish, { codecCopyFrom: file })
  await live(stream.hls)
  await using stack = new AsyncDisposableStack()
  const processes: LoadProcess[] = []
  while (processes.length * PLAYERS_PER_PROCESS < run.settings.players) {
    const players = stack.use(new LoadProcess('hls-players.ts', stream.hls))
    await players.ask(`add ${PLAYERS_PER_PROCESS}`)
    processes.push(players)
  }
  await Bun.sleep(SETTLING_MS)
  await Promise.all(processes.map(each => each.ask('measure')))
  const { cost, doubts } = await observe(run, { busyPercent: 100, publishers: [publisher] }, () =>
    Bun.sleep(MEASURED_MS),
  )
  const reports = await Promise.all(processes.map(each => each.ask<HlsReport>('report')))
  const sum = (of: (report: HlsReport) => number) => reports.reduce((total, each) => total + of(each), 0)
  const errors = sum(each => each.errors)
  if (errors > 0) doubts.push(`${errors} requests of HLS players failed`)
  const add = (name: string, value: number) =>
    run.report.add(run.system.name, `players.${name}`, value, doubts)
  add('core', cost.corePercent)
  add('requests', sum(each => each.requests) / cost.seconds)
  add('part', Math.max(...reports.map(each => each.partMs.p95)))
}
