/** What the chat's fan-out carries, beside Socket.IO doing the same on the same machine, for the same crowd and for one of its own. */
import { createPostgresDatabase } from '../support/database.ts'
import { type TreeUsage, treeCost, treeUsage } from '../support/process-tree.ts'
import { startSluice } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { type ChatServers, openInstances, openServer } from './chat/servers.ts'
import { checkSocketIo } from './chat/socket-io-check.ts'
import type { ServerKind } from './chat/wire.ts'
import { LoadProcess } from './load-process.ts'
import type { Run } from './run.ts'

export const CHAT_CROWDS = [1_000, 5_000, 10_000] as const
/** A crowd this large is looked at while nobody speaks. */
const IDLE_CROWD = 10_000
const IDLE_MS = 5_000
const P99_MS = 200
const FIRST_RATE = 20_000
/** Deliveries a second. */
const TARGET = 300_000
/** Messages a second; what the generator's speakers may say. */
const MAX_MESSAGES = 1_600
/** Of the machine, by neither server nor generator: above it delays are theirs. */
const OTHERS_PERCENT = 15
const GENERATOR_CORES = 0.9

/** Who is spoken to, by which crowd: Socket.IO's own client library costs the generator more than its server. */
type Contest = ServerKind | 'socket-io-library'
const names: Readonly<Record<Contest, string>> = {
  sluice: 'Sluice',
  'socket-io': 'Socket.IO',
  'socket-io-library': 'Socket.IO, own client',
}

const crowds: Readonly<Record<Contest, string>> = {
  sluice: 'chat/crowd.ts',
  'socket-io': 'chat/crowd.ts',
  'socket-io-library': 'chat/library-crowd.ts',
}

/** What the crowd says of one run; times in milliseconds. */
interface Heard {
  readonly sent: number
  readonly received: number
  readonly incomplete: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
  readonly listeners: number
}

interface Step extends Heard {
  readonly deliveriesPerSecond: number
  readonly deliveriesPerCpuSecond: number
  readonly doubts: readonly string[]
}

interface Found {
  /** The most that was carried in time. */
  readonly best: Step
  /** The most that was carried at all. */
  readonly most: Step
}

/**
 * `run.system` stands idle meanwhile: what is compared is the gateway with a room that stores nothing, as the peer's does;
 * then two instances with all that belongs to them.
 */
export async function measureChat(run: Run): Promise<void> {
  for (const count of CHAT_CROWDS) {
    const own = await measureAlone(run, 'sluice', count)
    const peers = [
      await measureAlone(run, 'socket-io', count),
      await measureAlone(run, 'socket-io-library', count),
    ]
    // Whichever crowd lets the peer carry more.
    const peer = peers.toSorted((a, b) => b.deliveriesPerSecond - a.deliveriesPerSecond)[0]!
    const ratio = own.deliveriesPerSecond / peer.deliveriesPerSecond
    run.report.add('Sluice', `chat.${count}.ratio`, ratio, [...own.doubts, ...peer.doubts])
  }
  for (const count of CHAT_CROWDS) {
    await using instances = await openInstances()
    tell(run, 'Sluice', `two.${count}`, await measureCrowd(instances, 'sluice', count))
  }
  run.report.add('Sluice', 'chat.idle.product', await measureIdleProduct(IDLE_CROWD))
}

/**
 * What an idle guest costs the whole product, in KiB: with database, moderation and presence. Of the second half of `count`:
 * the first ones take what the start has left behind.
 */
export async function measureIdleProduct(count: number): Promise<number> {
  await using sluice = await startSluice({ env: { DATABASE_URL: await createPostgresDatabase() } })
  await sluice.createChannel('room')
  await using crowd = new LoadProcess('chat/crowd.ts', 'product', new URL(sluice.url).port)
  const half = count / 2
  const joined = async (expected: number) => {
    await crowd.ask(`connect ${half}`)
    const isCounted = async () => (await sluice.metric('sluice_chatters')) === expected
    await waitFor(isCounted, { message: 'all of them to be counted', timeoutMs: 20_000 })
    await Bun.sleep(IDLE_MS)
    return treeUsage(sluice.pid).rssMiB
  }
  const before = await joined(half)
  return (((await joined(count)) - before) * 1024) / half
}

async function measureAlone(run: Run, kind: Contest, count: number): Promise<Step> {
  await using server = await openServer(kind === 'sluice' ? kind : 'socket-io')
  if (kind !== 'sluice') await checkSocketIo(server.ports[0]!)
  const found = await measureCrowd(server, kind, count)
  if (count === IDLE_CROWD) run.report.add(names[kind], 'chat.idle', found.idleKiB)
  tell(run, names[kind], String(count), found)
  return found.best
}

function tell({ report }: Run, name: string, id: string, { best, most }: Found): void {
  const { doubts } = best
  report.add(name, `chat.${id}.rate`, best.deliveriesPerSecond, doubts)
  report.add(name, `chat.${id}.p50`, best.p50, doubts)
  report.add(name, `chat.${id}.p99`, best.p99, doubts)
  report.add(name, `chat.${id}.core`, most.deliveriesPerCpuSecond)
}

async function measureCrowd(servers: ChatServers, kind: Contest, count: number) {
  const empty = treeUsage(...servers.pids)
  await using crowd = new LoadProcess(crowds[kind], kind, servers.ports.join(','))
  await crowd.ask(`connect ${count}`)
  await Bun.sleep(IDLE_MS)
  const idleKiB = ((treeUsage(...servers.pids).rssMiB - empty.rssMiB) * 1024) / count
  const found = await findMost(rate => step(servers, crowd, rate), kind, count)
  return { ...found, idleKiB }
}

/**
 * Twice as much until two levels in a row were too much, each tried twice: other work on the machine must not end the
 * search. Without any in time, the most that arrived at all is told, with its delays. Sluice is tried at its target too,
 * since what a delivery costs is not known from a server that has little to do.
 */
async function findMost(
  measure: (rate: number) => Promise<Step>,
  kind: Contest,
  count: number,
): Promise<Found> {
  const first = Math.max(2, Math.round(FIRST_RATE / count))
  await measure(first)
  const steps: Step[] = []
  for (let rate = first, misses = 0; rate <= MAX_MESSAGES && misses < 2; rate *= 2) {
    const tried = await measure(rate)
    const next = isInTime(tried) ? tried : await measure(rate)
    steps.push(next)
    misses = isInTime(next) ? 0 : misses + 1
  }
  if (kind === 'sluice') steps.push(await measure(Math.round(TARGET / count)))
  const most = highest(steps.filter(hasArrived))
  if (!most) throw new Error(`${count} connections: not everything has arrived`)
  const best = highest(steps.filter(isInTime))
  if (best) return { best, most }
  const late = `${count} connections: nothing was carried within ${P99_MS} ms`
  return { best: { ...most, doubts: [...most.doubts, late] }, most }
}

function highest(steps: readonly Step[]): Step | undefined {
  return steps.toSorted((a, b) => b.sent - a.sent)[0]
}

function isInTime(step: Step): boolean {
  return step.p99 <= P99_MS && hasArrived(step)
}

function hasArrived({ received, sent, incomplete }: Step): boolean {
  return received === sent && incomplete === 0
}

async function step({ pids }: ChatServers, crowd: LoadProcess, rate: number): Promise<Step> {
  const before = treeUsage(...pids)
  const generatorBefore = crowd.cpuSeconds
  const heard = await crowd.ask<Heard>(`run ${rate}`)
  const after = treeUsage(...pids)
  const deliveries = heard.received * heard.listeners
  return {
    ...heard,
    deliveriesPerSecond: deliveries / heard.seconds,
    deliveriesPerCpuSecond: deliveries / (after.cpuSeconds - before.cpuSeconds),
    doubts: doubtsAbout(before, after, crowd.cpuSeconds - generatorBefore),
  }
}

function doubtsAbout(before: TreeUsage, after: TreeUsage, generatorSeconds: number): string[] {
  const cost = treeCost(before, after)
  const cores = (after.machineTotalSeconds - before.machineTotalSeconds) / cost.seconds
  const generatorCores = generatorSeconds / cost.seconds
  const others = cost.machineBusyPercent - cost.corePercent / cores - (100 * generatorCores) / cores
  return [
    ...(others > OTHERS_PERCENT
      ? [`chat: other work took more than ${OTHERS_PERCENT} % of the machine`]
      : []),
    ...(generatorCores > GENERATOR_CORES ? ['chat: the load generator was the limit'] : []),
  ]
}
