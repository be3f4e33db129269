/**
 * How much sooner an upload is a video when two processes encode its pieces. One encodes a piece on every core, so that it
 * leaves nothing to a second one; with a core for each process it is seen what two machines would gain.
 */
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Upload } from 'tus-js-client'
import { Database } from '../../src/db/database.ts'
import { createPostgresDatabase } from '../support/database.ts'
import { runFfmpeg } from '../support/ffmpeg-child.ts'
import { treeCost, treeUsage } from '../support/process-tree.ts'
import { encodeFile } from '../support/publisher.ts'
import { type Sluice, startSluice } from '../support/sluice.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { createVods } from '../support/vods.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Run } from './run.ts'
import { pin } from './segment-load.ts'

const PRODUCT = join(import.meta.dir, '../../src/main.ts')
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
  const find = () => farm.vods.find(vodId)
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

/** One process that receives files, and so many that encode, with one database and one folder of media. */
async function openFarm(count: number, opened: AsyncDisposableStack) {
  const folder = opened.use(await tempFolder('sluice-bench-'))
  const media = join(folder.path, 'media')
  await mkdir(media)
  const database = await createPostgresDatabase()
  const environment = async (role: 'serve' | 'jobs', name: string) => {
    const dataDir = join(folder.path, name)
    await mkdir(dataDir)
    // As a file system of the network would be mounted.
    await symlink(media, join(dataDir, 'media'))
    const secret = 'one secret for all of the processes'
    return { DATABASE_URL: database, DATA_DIR: dataDir, ROLES: role, AUTH_SECRET: secret, LOG_LEVEL: 'error' }
  }
  const server = opened.use(await startSluice({ env: await environment('serve', 'server') }))
  const workers: Worker[] = []
  for (let index = 0; index < count; index++)
    workers.push(opened.use(await startWorker(await environment('jobs', `worker-${index}`))))
  const { vods } = createVods(opened.use(await Database.open({ url: database, dataDir: folder.path })))
  return { server, workers, vods }
}

interface Worker extends AsyncDisposable {
  readonly pid: number
}

/** A process that only does jobs; resolves when it takes some. */
async function startWorker(env: Record<string, string>): Promise<Worker> {
  const child = Bun.spawn([process.execPath, PRODUCT], {
    env: { PATH: process.env['PATH'], ...env },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const stop = async () => {
    child.kill('SIGINT')
    await child.exited
  }
  let said = ''
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += text
    if (said.includes('Data ')) return { pid: child.pid, [Symbol.asyncDispose]: stop }
  }
  throw new Error(`a process for jobs has not started: ${said}`)
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
