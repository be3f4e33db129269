/** How many viewers one server feeds, and what each costs: native WebRTC receivers, and players of Low-Latency HLS. */
import { readFileSync } from 'node:fs'
import { encodeFile, loopBitsPerSecond, type Publisher, publish } from '../support/publisher.ts'
import type { Distribution } from '../support/statistics.ts'
import { waitFor } from '../support/wait-for.ts'
import { LoadProcess } from './load-process.ts'
import type { ViewersReport } from './native-viewers.ts'
import { BUSY_PERCENT_FOR_COSTS, observe, type Run } from './run.ts'

const START_MS = 20_000
const SETTLING_MS = 3_000
const MEASURED_MS = 10_000
/** One process holds no more: a thousand open files. */
const VIEWERS_PER_PROCESS = 50
const PLAYERS_PER_PROCESS = 250
/** The more viewers, the less their number may hide how the first few fared. */
const LEAST_DELAY_MS = 10
/** Who gets less than this of the stream costs too little to count. */
const LEAST_SHARE = 0.9
/** Of the loop's sound, which those who read do not ask for. */
const SOUND_BPS = 128_000

/** Adds WebRTC viewers until the p95 of their frames' delay has doubled, or the machine has nothing left. */
export async function measureCapacity(run: Run): Promise<void> {
  const stream = await run.system.newStream()
  if (!stream.whep || typeof stream.publish !== 'string') return
  const file = await encodeFile()
  await using publisher = await publish(stream.publish, { codecCopyFrom: file })
  await live(stream.whep)
  await using stack = new AsyncDisposableStack()
  const processes: LoadProcess[] = []
  let first: Crowd | undefined
  let costs: { perViewer: number; doubts: string[] } | undefined
  let good: Crowd | undefined
  while ((good?.viewers ?? 0) < run.settings.capacity) {
    const viewers = stack.use(new LoadProcess('native-viewers.ts', stream.whep))
    await viewers.ask(`add ${VIEWERS_PER_PROCESS}`)
    processes.push(viewers)
    await Bun.sleep(SETTLING_MS)
    const crowd = await measureCrowd(run, publisher, processes, loopBitsPerSecond(file) - SOUND_BPS)
    first ??= crowd
    if (crowd.p95 > 2 * Math.max(first.p95, LEAST_DELAY_MS)) break
    good = crowd
    const added = crowd.viewers - first.viewers
    if (added > 0)
      costs = { perViewer: (crowd.corePercent - first.corePercent) / added, doubts: crowd.doubts }
  }
  if (costs) run.report.add(run.system.name, 'capacity.viewer', costs.perViewer, costs.doubts)
  if (good) run.report.add(run.system.name, 'capacity.viewers', good.viewers, good.shortfalls)
}

/** So many viewers at once. */
interface Crowd {
  readonly viewers: number
  readonly corePercent: number
  /** How late frames were, in milliseconds. */
  readonly p95: number
  /** Everything that spoils the cost; `shortfalls`: that they did not get what they are counted for. */
  readonly doubts: string[]
  readonly shortfalls: string[]
}

async function measureCrowd(
  run: Run,
  publisher: Publisher,
  processes: readonly LoadProcess[],
  pictureBps: number,
): Promise<Crowd> {
  await Promise.all(processes.map(each => each.ask('measure')))
  const datagrams = udpDatagrams()
  const { cost, doubts } = await observe(
    run,
    { busyPercent: BUSY_PERCENT_FOR_COSTS, publishers: [publisher] },
    () => Bun.sleep(MEASURED_MS),
  )
  const reports = await Promise.all(processes.map(each => each.ask<ViewersReport>('report')))
  const p95 = Math.max(...reports.map(each => each.p95))
  const viewers = processes.length * VIEWERS_PER_PROCESS
  const rateShare = Math.min(...reports.map(each => each.receivedBps)) / pictureBps
  const arrivedShare = arrived(datagrams, udpDatagrams())
  const shortfalls = [
    ...shortfall(rateShare, 'of the picture’s bit rate came to viewers'),
    ...shortfall(arrivedShare, 'of the datagrams were read before their socket was full'),
  ]
  run.report.note(
    `${run.system.name}: ${viewers} native viewers: ${cost.corePercent.toFixed(0)} % of a core, frames p95 ${p95.toFixed(0)} ms late, ${percent(rateShare)} of the bit rate, machine ${cost.machineBusyPercent.toFixed(0)} % busy`,
  )
  return { viewers, corePercent: cost.corePercent, p95, doubts: [...doubts, ...shortfalls], shortfalls }
}

function shortfall(share: number, what: string): string[] {
  return share < LEAST_SHARE ? [`only ${percent(share)} ${what}`] : []
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`
}

/** proc(5): of the whole machine, on which little else speaks UDP. */
function udpDatagrams(): { received: number; dropped: number } {
  const [names, values] = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter(line => line.startsWith('Udp: '))
    .map(line => line.split(' '))
  const of = (name: string) => Number(values![names!.indexOf(name)])
  return { received: of('InDatagrams'), dropped: of('RcvbufErrors') }
}

type Datagrams = ReturnType<typeof udpDatagrams>

function arrived(before: Datagrams, after: Datagrams): number {
  const received = after.received - before.received
  return received / (received + after.dropped - before.dropped)
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

/** A thousand players of one stream with a ladder, and what they cost beside it. */
export async function measureHlsPlayers(run: Run): Promise<void> {
  const stream = await run.system.newStream()
  if (!run.system.reencodes || !stream.hls || typeof stream.publish !== 'string') return
  // Few bits: it is the requests that are measured, not the memory bandwidth of the loopback interface.
  const file = await encodeFile({ size: '1280x720', bitrate: '400k' })
  await using publisher = await publish(stream.publish, { codecCopyFrom: file })
  await live(stream.hls)
  const charge = () =>
    observe(run, { busyPercent: 100, publishers: [publisher] }, () => Bun.sleep(MEASURED_MS))
  await Bun.sleep(SETTLING_MS)
  const alone = await charge()
  await using stack = new AsyncDisposableStack()
  const processes: LoadProcess[] = []
  while (processes.length * PLAYERS_PER_PROCESS < run.settings.players) {
    const players = stack.use(new LoadProcess('hls-players.ts', stream.hls))
    await players.ask(`add ${PLAYERS_PER_PROCESS}`)
    processes.push(players)
  }
  await Bun.sleep(SETTLING_MS)
  await Promise.all(processes.map(each => each.ask('measure')))
  const { cost, doubts } = await charge()
  const reports = await Promise.all(processes.map(each => each.ask<HlsReport>('report')))
  const sum = (of: (report: HlsReport) => number) => reports.reduce((total, each) => total + of(each), 0)
  const errors = sum(each => each.errors)
  if (errors > 0) doubts.push(`${errors} requests of HLS players failed`)
  const add = (name: string, value: number) =>
    run.report.add(run.system.name, `players.${name}`, value, doubts)
  add('core', cost.corePercent - alone.cost.corePercent)
  add('total', cost.corePercent)
  add('requests', sum(each => each.requests) / cost.seconds)
  add('part', Math.max(...reports.map(each => each.partMs.p95)))
}
