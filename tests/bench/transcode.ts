/**
 * How much sooner an upload is a video when two processes encode its pieces. One encodes a piece on every core, so that it
 * leaves nothing to a second one; with a core for each process it is seen what two machines would gain.
 */
import { join } from 'node:path'
import { Database } from '../../src/db/database.ts'
import { runFfmpeg } from '../support/ffmpeg-child.ts'
import { JobFarm } from '../support/job-farm.ts'
import { treeCost, treeUsage } from '../support/process-tree.ts'
import { encodeFile } from '../support/publisher.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { createVods } from '../support/vods.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Run } from './run.ts'
import { pin } from './segment-load.ts'

/** Four pieces of picture, and one of sound. */
const FILE_SECONDS = 120
const ENCODED_MS = 600_000
/** Of the machine, by nobody who is measured. */
const OTHERS_PERCENT = 15

type Cores = 'shared' | 'own'

export async function measureTranscode(run: Run): Promise<void> {
  await using folder = await tempFolder('sluice-bench-')
  const file = join(folder.path, 'film.mp4')
  const loop = ['-stream_loop', '-1', '-i', await encodeFile()]
  await runFfmpeg([...loop, '-t', String(FILE_SECONDS), '-c', 'copy', file])
  for (const cores of ['shared', 'own'] as const) {
    const one = await encodeOnce(file, 1, cores)
    const two = await encodeOnce(file, 2, cores)
    const minutes = FILE_SECONDS / 60
    const doubts = [...new Set([...one.doubts, ...two.doubts])]
    run.report.add('Sluice', `transcode.${cores}.one`, one.seconds / minutes, one.doubts)
    run.report.add('Sluice', `transcode.${cores}.two`, two.seconds / minutes, two.doubts)
    run.report.add('Sluice', `transcode.${cores}.speedup`, one.seconds / two.seconds, doubts)
  }
}

interface Encoding {
  readonly seconds: number
  readonly doubts: string[]
}

/** From the last byte of the file until the video is there. */
async function encodeOnce(file: string, count: number, cores: Cores): Promise<Encoding> {
  await using farm = await JobFarm.open(count)
  await using database = await Database.open({ url: farm.database, dataDir: farm.server.dataDir })
  const { vods } = createVods(database)
  if (cores === 'own') for (const [core, { pid }] of farm.workers.entries()) await pin(pid, core)
  const vodId = await farm.upload(file)
  const pids = [farm.server, ...farm.workers].map(({ pid }) => pid)
  const before = treeUsage(...pids)
  const find = () => vods.find(vodId)
  const options = { message: 'the upload to be encoded', timeoutMs: ENCODED_MS, intervalMs: 50 }
  await waitFor(async () => (await find())?.status !== 'processing', options)
  const made = await find()
  if (made?.status !== 'ready') throw new Error(`the upload is ${made?.status}: ${made?.problem}`)
  const cost = treeCost(before, treeUsage(...pids))
  const others = cost.machineBusyPercent - cost.corePercent / navigator.hardwareConcurrency
  const isBusy = others > OTHERS_PERCENT
  const doubts = isBusy ? [`transcode: other work took ${others.toFixed(0)} % of the machine`] : []
  return { seconds: cost.seconds, doubts }
}
