/** `bun tests/bench/bench.ts`: measures Sluice, and its peers where they are installed, and prints one table. */
import { parseArgs } from 'node:util'
import { openBrowser } from '../support/browser.ts'
import { serveTestPage } from '../support/test-page.ts'
import { measureCapacity, measureHlsPlayers } from './capacity.ts'
import { measureChat } from './chat.ts'
import { measureCost, measureFanOut, measurePublishers } from './cost.ts'
import { measureDelays } from './delay.ts'
import { measureJoins } from './joins.ts'
import { measureLadder } from './ladder.ts'
import { measurePanelFrames } from './panel.ts'
import { measureRecorder } from './recorder.ts'
import { measureRecovery } from './recovery.ts'
import { Report } from './report.ts'
import type { Run, Settings } from './run.ts'
import { measureSoak } from './soak.ts'
import { openJanus } from './systems/janus.ts'
import { openNginxRtmp } from './systems/nginx-rtmp.ts'
import { openNodeMediaServer } from './systems/node-media-server.ts'
import { openSluice } from './systems/sluice.ts'
import { NotInstalled, type SystemEntry } from './systems/system.ts'
import { measureTranscode } from './transcode.ts'
import { measureVod } from './vod.ts'
import { measureVodPlay } from './vod-play.ts'

/** What a publisher costs is measured without a ladder, as the peers have none; what a rendition costs stands beside it. */
const WITHOUT_LADDER = ['cpu', 'fanout', 'publishers']
const subjects: readonly SystemEntry[] = [
  {
    name: 'Sluice',
    open: () => openSluice({ LADDER: 'off' }),
    measures: part => WITHOUT_LADDER.includes(part),
  },
  { name: 'Sluice', open: () => openSluice(), measures: part => !WITHOUT_LADDER.includes(part) },
]
const peers: readonly SystemEntry[] = [
  { name: 'nginx-rtmp', open: openNginxRtmp, measures: isMedia },
  { name: 'Janus', open: openJanus, measures: isMedia },
  { name: 'node-media-server', open: openNodeMediaServer, measures: isMedia },
]

/** The peers of the chat and of VODs are measured with them, and are no media servers; the others have no peer. */
const OWN = ['chat', 'panel', 'recorder', 'vod', 'vodplay', 'transcode', 'soak']
function isMedia(part: string): boolean {
  return !OWN.includes(part)
}

/** Cost comes first, while memory holds nothing of what came before. */
const parts: Readonly<Record<string, (run: Run) => Promise<void>>> = {
  cpu: measureCost,
  latency: measureDelays,
  ttff: measureJoins,
  fanout: measureFanOut,
  publishers: measurePublishers,
  capacity: measureCapacity,
  players: measureHlsPlayers,
  recovery: measureRecovery,
  ladder: measureLadder,
  chat: measureChat,
  panel: measurePanelFrames,
  recorder: measureRecorder,
  vod: measureVod,
  vodplay: measureVodPlay,
  transcode: measureTranscode,
  soak: measureSoak,
}
/** Takes ten minutes by itself. */
const ON_REQUEST = ['soak']

const usage = `bun tests/bench/bench.ts [options]
  --only LIST       of ${Object.keys(parts).join(',')},peers; without "peers" only Sluice, "peers" alone: only them;
                    soak runs only when it is asked for
  --seconds N       how long each delay is measured (60); costs take half as long
  --joins N         joins for the time to first frame (50)
  --viewers N       further viewers for the cost of one (10)
  --publishers N    publishers at once (30)
  --capacity N      native WebRTC viewers at most (400)
  --minutes N       of the soak (10)
  --players N       players of Low-Latency HLS (1000)
  --seeks N         seeks in a video (30)
  --out FILE        also writes everything as JSON`

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      seconds: { type: 'string', default: '60' },
      joins: { type: 'string', default: '50' },
      viewers: { type: 'string', default: '10' },
      publishers: { type: 'string', default: '30' },
      capacity: { type: 'string', default: '400' },
      players: { type: 'string', default: '1000' },
      seeks: { type: 'string', default: '30' },
      minutes: { type: 'string', default: '10' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const selection = selectParts(values.only?.split(','))
  const settings = {
    seconds: count(values.seconds),
    joins: count(values.joins),
    viewers: count(values.viewers),
    publishers: count(values.publishers),
    capacity: count(values.capacity),
    players: count(values.players),
    seeks: count(values.seeks),
    minutes: count(values.minutes),
  }
  if (values.help || !selection || Object.values(settings).some(Number.isNaN)) {
    console.error(usage)
    return values.help ? 0 : 2
  }
  const report = new Report()
  let hasFailed = false
  for (const entry of selection.systems)
    if (!(await measure(entry, selection.parts, settings, report))) hasFailed = true
  console.log(report.toTable())
  if (values.out) await Bun.write(values.out, report.toJson(settings))
  return hasFailed ? 1 : 0
}

/** Runs every part on one system. Returns whether all of them could be measured; what could not is noted. */
async function measure(
  entry: SystemEntry,
  selected: readonly string[],
  settings: Settings,
  report: Report,
): Promise<boolean> {
  const measured = selected.filter(part => entry.measures?.(part) ?? true)
  if (measured.length === 0) return true
  try {
    await using system = await entry.open()
    await using browser = await openBrowser()
    await using page = await serveTestPage()
    let isComplete = true
    for (const part of measured) {
      console.error(`${entry.name}: ${part}`)
      try {
        await parts[part]!({ system, browser, testPageUrl: page.url, settings, report })
      } catch (error) {
        isComplete = false
        report.note(`${entry.name}: ${part} failed: ${(error as Error).message}`)
      }
    }
    return isComplete
  } catch (error) {
    const isMissing = error instanceof NotInstalled
    report.note(`${entry.name}: ${isMissing ? 'not installed' : 'failed'}: ${(error as Error).message}`)
    return isMissing
  }
}

/** Undefined when a word is unknown. */
function selectParts(
  only: readonly string[] | undefined,
): { parts: string[]; systems: readonly SystemEntry[] } | undefined {
  const all = Object.keys(parts)
  const usual = all.filter(part => !ON_REQUEST.includes(part))
  if (!only) return { parts: usual, systems: [...subjects, ...peers] }
  const chosen = only.filter(word => word !== 'peers')
  if (chosen.some(word => !all.includes(word))) return undefined
  const hasPeers = only.includes('peers')
  if (chosen.length === 0) return { parts: usual, systems: peers }
  return {
    parts: all.filter(part => chosen.includes(part)),
    systems: hasPeers ? [...subjects, ...peers] : subjects,
  }
}

/** A whole number above 0, else NaN. */
function count(text: string): number {
  return /^[1-9]\d{0,4}$/.test(text) ? Number(text) : Number.NaN
}

process.exit(await main())
