/** A process with `ROLES=jobs`: it serves nobody, does what others send, and leaves what it cannot finish. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { Database } from '../../src/db/database.ts'
import { vods as vodTable } from '../../src/db/vod-schema.ts'
import { openJobs } from '../../src/jobs/open-jobs.ts'
import { createLog } from '../../src/log.ts'
import { openStore } from '../../src/storage/open-store.ts'
import { createPostgresDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'
import { createAccount, createChannel, createServices } from '../support/platform.ts'
import { startSluice } from '../support/sluice.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { createVods } from '../support/vods.ts'
import { waitFor } from '../support/wait-for.ts'

const log = createLog('silent')
const main = join(import.meta.dir, '../../src/main.ts')

test('it does the jobs that a process without that role sends, and opens no port', async () => {
  await using folder = await tempFolder()
  const url = await createPostgresDatabase()
  await using database = await Database.open({ url, dataDir: folder.path })
  await using store = await openStore({ s3: undefined, directory: join(folder.path, 'media'), log })
  await using jobs = await openJobs({ database, roles: ['serve'], log })
  const services = createServices(database)
  const { vods } = createVods(database)
  const channel = await createChannel(services, (await createAccount(services)).id)
  const { id } = await vods.create({
    channelId: channel.id,
    kind: 'upload',
    title: 't',
    visibility: 'public',
  })
  for (let n = 0; n < 3; n++) await store.put(`vods/${id}/source/${n}.m4s`, new Uint8Array([n]))

  const ports = { PORT: String(await freePort()), RTMP_PORT: String(await freePort()) }
  const env = { PATH: process.env['PATH'], DATA_DIR: folder.path, DATABASE_URL: url, ROLES: 'jobs', ...ports }
  await using child = Bun.spawn([process.execPath, main], { env, stdout: 'pipe', stderr: 'ignore' })
  const exited = { status: undefined as number | undefined }
  void child.exited.then(status => {
    exited.status = status
  })
  let printed = ''
  for await (const chunk of child.stdout) {
    printed += new TextDecoder().decode(chunk)
    if (printed.includes('Data')) break
  }
  expect(printed).toContain('jobs only')
  for (const port of Object.values(ports))
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow(/connect|refused/i)

  await vods.remove(id)
  await jobs.send('vod.remove', { vodId: id })
  const rows = () => database.db.select().from(vodTable)
  await waitFor(async () => (await rows()).length === 0, { message: 'the video to be removed' })
  expect(await Array.fromAsync(store.list('vods/'))).toEqual([])

  child.kill('SIGINT')
  await waitFor(() => exited.status !== undefined, { timeoutMs: 5_000, message: 'the process to stop' })
  expect(exited.status).toBe(0)
}, 60_000)

test.each(['jobs', 'serve'])('%s alone without a database that is shared is refused', async role => {
  const failure = await startSluice({ env: { ROLES: role } }).catch(String)
  expect(failure).toContain('ROLES')
  expect(failure).toContain('DATABASE_URL')
})
