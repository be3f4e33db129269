/** What is sent about VODs is done by the queue, on both databases: pictures when one is ready, removal when it is deleted. */
import { describe, expect, test } from 'bun:test'
import { openJobs } from '../../src/jobs/open-jobs.ts'
import { createLog } from '../../src/log.ts'
import { workPictures } from '../../src/pictures/finish-pictures.ts'
import { DirectoryStore } from '../../src/storage/directory-store.ts'
import { openVods } from '../../src/vod/open-vods.ts'
import { Upkeep } from '../../src/vod/upkeep.ts'
import { UpkeepRepository } from '../../src/vod/upkeep-repository.ts'
import { encode } from '../hls/encoder.ts'
import { databaseKinds, openTestDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices } from '../support/platform.ts'
import { storeVod } from '../support/stored-vod.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const log = createLog('silent')

describe.each([...databaseKinds])('%s', kind => {
  test('a VOD gets its pictures by a job, and is removed by another', async () => {
    await using opened = await openTestDatabase(kind)
    await using folder = await tempFolder()
    await using store = await DirectoryStore.open(folder.path)
    const { database } = opened
    const services = createServices(database)
    const channel = await createChannel(services, (await createAccount(services)).id)
    await using jobs = await openJobs({ database, roles: ['serve', 'jobs'], log })
    const { vods, manifest, views } = openVods({ db: database.db, jobs })
    const repository = new UpkeepRepository(database.db)
    await new Upkeep({ vods, views, repository, retentionDays: undefined, store, jobs }).work()
    await workPictures(jobs, { vods, manifest, store })

    const made = { vods, manifest, removed: [], finished: [] }
    const broadcasts = [await encode({ seconds: 4, size: '320x180' })]
    const { id } = await storeVod({ database, store, channelId: channel.id, broadcasts, vods: made })
    const described = await waitFor(
      async () => {
        const vod = await vods.get(id)
        if (vod.storyboard) return vod
        throw new Error('not yet')
      },
      { message: 'the pictures', timeoutMs: 30_000 },
    )
    expect(described.thumbnailCandidatesMs.length).toBeGreaterThan(0)
    expect(await store.find(`vods/${id}/storyboard-0.jpg`)).toBeDefined()

    await vods.remove(id)
    const isGone = async () => (await vods.listByStatus('deleted')).length === 0
    await waitFor(isGone, { message: 'the row to go', timeoutMs: 30_000 })
    expect(await Array.fromAsync(store.list(`vods/${id}/`))).toEqual([])
  }, 120_000)
})
