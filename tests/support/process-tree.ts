/** Reads from /proc (Linux) what a process and all its descendants cost and hold. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const TICKS_PER_SECOND = 100
const MEBIBYTE = 1_048_576
const PAGE_BYTES = 4096

/** What a process tree has used up to one moment. */
export interface TreeUsage {
  /** Milliseconds, monotonic. */
  readonly at: number
  /** User and system time, with that of children that have ended. */
  readonly cpuSeconds: number
  readonly rssMiB: number
  readonly processes: number
  /** Idle and total time of the whole machine, in seconds summed over its cores. */
  readonly machineIdleSeconds: number
  readonly machineTotalSeconds: number
}

/** What a process tree cost between two moments. */
export interface TreeCost {
  readonly seconds: number
  readonly cpuSecondsPerMinute: number
  /** 100: one core, all the time. */
  readonly corePercent: number
  /** At the end. */
  readonly rssMiB: number
  /** How busy the whole machine was; above 80, nothing measured meanwhile can be trusted. */
  readonly machineBusyPercent: number
}

interface ProcessStat {
  readonly parent: number
  readonly cpuTicks: number
  readonly rssPages: number
}

/** The ids of `pid` and all its living descendants; empty when `pid` has ended. */
export function processTree(pid: number): number[] {
  const stats = readAll()
  return stats.has(pid) ? [...descend(pid, stats)] : []
}

/** Living descendants of `pid`, with the command line of each. */
export function descendants(pid: number): { pid: number; command: string }[] {
  return processTree(pid)
    .filter(each => each !== pid)
    .map(each => ({ pid: each, command: commandLine(each) }))
}

/** Every process of the machine whose command line contains `text`. */
export function findProcesses(text: string): number[] {
  return [...readAll().keys()].filter(pid => commandLine(pid).includes(text))
}

/** What the trees under `pids` have used until now. */
export function treeUsage(...pids: number[]): TreeUsage {
  const stats = readAll()
  const tree = new Set(pids.flatMap(pid => (stats.has(pid) ? [...descend(pid, stats)] : [])))
  let ticks = 0
  let pages = 0
  for (const pid of tree) {
    ticks += stats.get(pid)!.cpuTicks
    pages += stats.get(pid)!.rssPages
  }
  return {
    at: performance.now(),
    cpuSeconds: ticks / TICKS_PER_SECOND,
    rssMiB: (pages * PAGE_BYTES) / MEBIBYTE,
    processes: tree.size,
    ...machineUsage(),
  }
}

/** Bytes that the tree under `pid`, with children that have ended, has had written to disks until now. */
export function bytesWritten(pid: number): number {
  const read = (each: number) => orGone('', () => readFileSync(`/proc/${each}/io`, 'utf8'))
  return processTree(pid).reduce(
    (sum, each) => sum + Number(/^write_bytes: (\d+)/m.exec(read(each))?.[1] ?? 0),
    0,
  )
}

/** The difference of two readings of the same trees. */
export function treeCost(before: TreeUsage, after: TreeUsage): TreeCost {
  const seconds = (after.at - before.at) / 1000
  const cores = (after.cpuSeconds - before.cpuSeconds) / seconds
  const idle = after.machineIdleSeconds - before.machineIdleSeconds
  const total = after.machineTotalSeconds - before.machineTotalSeconds
  return {
    seconds,
    cpuSecondsPerMinute: cores * 60,
    corePercent: cores * 100,
    rssMiB: after.rssMiB,
    machineBusyPercent: total > 0 ? 100 * (1 - idle / total) : 0,
  }
}

/**
 * How many sockets (TCP, UDP, UNIX) the tree under `pid` holds open, and file descriptors of any kind but those of the
 * embedded database, which keeps what it has once opened, up to a limit of its own.
 */
export function openDescriptors(pid: number): { sockets: number; all: number } {
  const targets = processTree(pid)
    .flatMap(descriptorTargets)
    .filter(target => !target.includes('/db/'))
  return { sockets: targets.filter(target => target.startsWith('socket:')).length, all: targets.length }
}

function descriptorTargets(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  return orGone([], () =>
    readdirSync(folder).flatMap(name => orGone<string[]>([], () => [readlinkSync(`${folder}/${name}`)])),
  )
}

function descend(root: number, stats: ReadonlyMap<number, ProcessStat>): Set<number> {
  const childrenOf = Map.groupBy(stats.keys(), pid => stats.get(pid)!.parent)
  const tree = new Set([root])
  // A Set is iterated over what is added meanwhile, too.
  for (const pid of tree) for (const child of childrenOf.get(pid) ?? []) tree.add(child)
  return tree
}

function readAll(): Map<number, ProcessStat> {
  const stats = new Map<number, ProcessStat>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = orGone<ProcessStat | undefined>(undefined, () => readStat(name))
    if (stat) stats.set(Number(name), stat)
  }
  return stats
}

/** proc(5): the command name may hold spaces and brackets, so fields are counted from its last bracket. */
function readStat(pid: string): ProcessStat {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const cpuTicks = fields.slice(11, 15).reduce((sum, value) => sum + value, 0)
  return { parent: fields[1]!, cpuTicks, rssPages: fields[21]! }
}

function machineUsage(): { machineIdleSeconds: number; machineTotalSeconds: number } {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!
  const fields = line.trim().split(/\s+/).slice(1, 9).map(Number)
  const total = fields.reduce((sum, value) => sum + value, 0)
  return {
    machineIdleSeconds: (fields[3]! + fields[4]!) / TICKS_PER_SECOND,
    machineTotalSeconds: total / TICKS_PER_SECOND,
  }
}

function commandLine(pid: number): string {
  return orGone('', () => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim())
}

/** A process may end while it is looked at: then there is nothing to read. */
function orGone<T>(gone: T, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return gone
    throw error
  }
}
