/**
 * How much sooner an upload is a video when two processes encode its pieces. Each encoder (ffmpeg) has two threads for
 * x264, so that on two cores one process leaves little to a second one; with a core for each process it is seen what two
 * machines would gain.
 */
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Upload } from 'tus-js-client'
import { Database } from '../../src/db/database.ts'
import { openVods } from '../../src/vod/open-vods.ts'
import { createPostgresDatabase } from '../support/database.ts'
import { runFfmpeg } from '../support/ffmpeg-child.ts'
import { treeCost, treeUsage } from '../support/process-tree.ts'
import { encodeFile } from '../support/publisher.ts'
import { type Sluice, startSluice } from '../support/sluice.ts'
import { tempFolder } from '../support/temp-folder.ts'
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
  await using opened = new AsyncDisposableStack()
  const farm = await openFarm(count, opened)
  if (cores === 'own') for (const [core, { pid }] of farm.workers.entries()) await pin(pid, core)
  const vodId = await upload(farm.server, file)
  const pids = [farm.server, ...farm.workers].map(({ pid }) => pid)
  const before = treeUsage(...pids)
  const statusOf = async () => (await farm.vods.find(vodId))?.status
  const options = { message: 'the upload to be encoded', timeoutMs: ENCODED_MS, intervalMs: 50 }
  await waitFor(async () => (await statusOf()) !== 'processing', options)
  if ((await statusOf()) !== 'ready') throw new Error(`the upload became ${await statusOf()}`)
  const cost = treeCost(before, treeUsage(...pids))
  const others = cost.machineBusyPercent - cost.corePercent / navigator.hardwareConcurrency
  const isBusy = others > OTHERS_PERCENT
  const doubts = isBusy ? [`transcode: other work took ${others.toFixed(0)} % of the machine`] : []
  return { seconds: cost.seconds, doubts }
}

/** One process that receives files, and so many that encode, with one database and one folder of media. */
async function openFarm(count: number, opened: AsyncDisposableStack) {
  const folder = opened.use(await tempFolder('sluice-bench-'))
  const media = join(folder.path, 'media')
  await mkdir(media)
  const database = await createPostgresDatabase()
  const open = async (role: string, name: string) => {
    const dataDir = join(folder.path, name)
    await mkdir(dataDir)
    // As a file system of the network would be mounted.
    await symlink(media, join(dataDir, 'media'))
    const env = {
      DATABASE_URL: database,
      DATA_DIR: dataDir,
      ROLES: role,
      AUTH_SECRET: 'one for all of them, and long enough',
    }
    return opened.use(await startSluice({ env }))
  }
  const server = await open('serve', 'server')
  const workers: Sluice[] = []
  for (let index = 0; index < count; index++) workers.push(await open('jobs', `worker-${index}`))
  const { db } = opened.use(await Database.open({ url: database, dataDir: folder.path }))
  const jobs = { send: async () => true }
  const { vods } = openVods({ db, jobs })
  return { server, workers, vods }
}

/** Resolves when all of it is received. */
async function upload(server: Sluice, path: string): Promise<string> {
  const { id: channelId, client, credentials } = await server.createChannel('films')
  const { accessToken } = await server.client.auth.signIn.mutate(credentials)
  const file = Buffer.from(await Bun.file(path).bytes())
  const { vodId, uploadUrl } = await client.uploads.create.mutate({
    ...{ channelId, title: 'A film', sizeBytes: file.byteLength, visibility: 'public' },
  })
  await new Promise<void>((resolve, reject) => {
    const transfer = new Upload(file, {
      uploadUrl: new URL(uploadUrl, server.url).href,
      headers: { authorization: `Bearer ${accessToken}` },
      onSuccess: () => resolve(),
      onError: reject,
    })
    transfer.start()
  })
  return vodId
}
