/** The command as an operator meets it: what it prints, its exit status, and when it refuses. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { Database } from '../../src/db/database.ts'
import { createLog } from '../../src/log.ts'
import { openStore } from '../../src/storage/open-store.ts'
import { segmentKey } from '../../src/vod/object-keys.ts'
import { createPostgresDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices } from '../support/platform.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { createVods, segmentRow } from '../support/vods.ts'

const program = join(import.meta.dir, '../../src/verify.ts')

test('it names what is wrong and ends with 1, mends it when told, and then ends with 0', async () => {
  await using folder = await tempFolder()
  const url = await createPostgresDatabase()
  await using database = await Database.open({ url, dataDir: folder.path })
  const directory = join(folder.path, 'media')
  await using store = await openStore({ s3: undefined, directory, log: createLog('silent') })
  const services = createServices(database)
  const { vods, manifest } = createVods(database)
  const channel = await createChannel(services, (await createAccount(services)).id)
  const vod = { channelId: channel.id, kind: 'upload', title: 't', visibility: 'public' } as const
  const { id: vodId } = await vods.create(vod)
  await manifest.addSegments([segmentRow(vodId, 0), segmentRow(vodId, 1)])
  await vods.finish(vodId)
  await store.put(segmentKey({ vodId, rendition: 'source', sequence: 0 }), new Uint8Array(1_000))

  const run = (...flags: string[]) => verify({ DATABASE_URL: url, DATA_DIR: folder.path }, flags)
  const missing = segmentKey({ vodId, rendition: 'source', sequence: 1 })
  const first = await run()
  expect(first.output).toContain('Videos: 1, segments: 2 (0.0 MB), problems: 1')
  expect(first.output).toMatch(new RegExp(`missing +${missing} +not stored`))
  expect(first.status).toBe(1)
  // The row tells another content than the bytes have.
  expect((await run('--checksums')).output).toMatch(/1 damaged/)

  const mended = await run('--repair')
  expect([mended.status, mended.output]).toEqual([0, expect.stringContaining('Mended.')])
  expect(await manifest.findEntry(vodId, 'source', 1)).toMatchObject({ isGap: true })
  expect((await run()).status).toBe(0)
}, 60_000)

test('it says nothing of a database that Sluice has open, nor of a flag that it does not know', async () => {
  await using folder = await tempFolder()
  await using _ = await Database.open({ dataDir: folder.path })
  const busy = await verify({ DATA_DIR: folder.path })
  expect([busy.status, busy.output]).toEqual([2, expect.stringContaining('another process uses it')])
  const unknown = await verify({ DATA_DIR: folder.path }, ['--mend'])
  expect([unknown.status, unknown.output]).toEqual([2, expect.stringContaining('--mend')])
}, 60_000)

async function verify(env: Record<string, string>, flags: string[] = []) {
  const child = Bun.spawn([process.execPath, program, ...flags], {
    env: { PATH: process.env['PATH']!, LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { status: await child.exited, output: texts.join('') }
}
