/**
 * What VODs are served with, beside nginx serving the same files. Server and load generator have a core each, and the
 * servers take turns: what else goes on meets both.
 */
import { type TreeCost, treeCost, treeUsage } from '../support/process-tree.ts'
import { quantile } from '../support/statistics.ts'
import type { Run } from './run.ts'
import { fetchFor, type LoadReport, pin } from './segment-load.ts'
import { openSluiceWithVod } from './systems/long-vod.ts'
import { type FileServer, openNginxFiles } from './systems/nginx-files.ts'
import { NotInstalled } from './systems/system.ts'

const VOD_SECONDS = 600
const ROUNDS = 3
const WARM_UP_SECONDS = 2
const ROUND_SECONDS = 5
const MEBIBYTE = 1_048_576
/** Of a core: what takes more has nothing left. */
const FULL_CORE = 0.95
/** Of the machine, by neither server nor generator. */
const OTHERS_PERCENT = 15

const KINDS = [
  { id: 'picture', rendition: 'source' },
  { id: 'sound', rendition: 'audio' },
] as const

interface Served {
  readonly name: string
  readonly pid: number
  /** Without the rendition. */
  readonly url: string
}

interface Round extends LoadReport {
  readonly cost: TreeCost
}

export async function measureVod(run: Run): Promise<void> {
  await using system = await openSluiceWithVod(VOD_SECONDS)
  await using peer = await openPeer(run, system.folder)
  const own = {
    name: 'Sluice',
    pid: system.pid,
    url: `${new URL(system.playlistUrl).origin}/vod/${system.vodId}`,
  }
  const servers: Served[] = [own, ...(peer ? [{ name: 'nginx', pid: peer.pid, url: peer.url }] : [])]
  for (const { pid } of servers) await pin(pid, 0)
  for (const { id, rendition } of KINDS) {
    const rounds = await takeTurns(servers, `/${rendition}`, system.segments)
    const medians = servers.map(({ name }, at) => tell(run, name, id, rounds[at]!))
    const [ours, theirs] = medians
    if (ours && theirs)
      run.report.add('Sluice', `vod.${id}.ratio`, ours.requests / theirs.requests, [
        ...ours.doubts,
        ...theirs.doubts,
      ])
  }
}

async function openPeer(run: Run, folder: string): Promise<FileServer | undefined> {
  try {
    return await openNginxFiles(folder)
  } catch (error) {
    if (!(error instanceof NotInstalled)) throw error
    run.report.note(`nginx: not installed: ${error.message}`)
    return undefined
  }
}

/** The rounds of each server. */
async function takeTurns(servers: readonly Served[], path: string, segments: number): Promise<Round[][]> {
  const rounds: Round[][] = servers.map(() => [])
  for (const { url } of servers) await fetchFor(WARM_UP_SECONDS, `${url}${path}`, segments)
  for (let round = 0; round < ROUNDS; round++)
    for (const [at, { url, pid }] of servers.entries()) {
      const before = treeUsage(pid)
      const load = await fetchFor(ROUND_SECONDS, `${url}${path}`, segments)
      rounds[at]!.push({ ...load, cost: treeCost(before, treeUsage(pid)) })
    }
  return rounds
}

function tell({ report }: Run, name: string, id: string, rounds: readonly Round[]) {
  const median = (of: (round: Round) => number) => quantile(rounds.map(of), 0.5)!
  const requests = median(each => each.requests / each.seconds)
  const doubts = [...new Set(rounds.flatMap(each => doubtsAbout(name, each)))]
  const add = (figure: string, value: number) => report.add(name, `vod.${id}.${figure}`, value, doubts)
  add('requests', requests)
  add(
    'rate',
    median(each => each.bytes / MEBIBYTE / each.seconds),
  )
  add(
    'p99',
    median(each => each.p99Ms),
  )
  add(
    'core',
    median(each => each.requests / ((each.cost.corePercent / 100) * each.cost.seconds)),
  )
  return { requests, doubts }
}

function doubtsAbout(name: string, { cost, generatorCores, failed }: Round): string[] {
  const cores = navigator.hardwareConcurrency
  const others = cost.machineBusyPercent - (cost.corePercent + 100 * generatorCores) / cores
  const isGeneratorFull = generatorCores > FULL_CORE && cost.corePercent < 100 * FULL_CORE
  return [
    ...(others > OTHERS_PERCENT ? [`vod: other work took more than ${OTHERS_PERCENT} % of the machine`] : []),
    ...(isGeneratorFull ? [`vod: the load generator was the limit of ${name}`] : []),
    ...(failed > 0 ? [`vod: requests to ${name} failed`] : []),
  ]
}
