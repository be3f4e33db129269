/** A Sluice with one long VOD, which was stored and not published: that would take as long as it lasts. */
import { join } from 'node:path'
import { Database } from '../../../src/db/database.ts'
import { DirectoryStore } from '../../../src/storage/directory-store.ts'
import { readFlv } from '../../hls/encoder.ts'
import { createPostgresDatabase } from '../../support/database.ts'
import { encodeFile } from '../../support/publisher.ts'
import { storeVod } from '../../support/stored-vod.ts'
import { openSluice, type SluiceSystem } from './sluice.ts'

export interface VodSystem extends SluiceSystem {
  readonly vodId: string
  /** Its multivariant playlist. */
  readonly playlistUrl: string
  /** Where its objects lie: `RENDITION/SEQUENCE.m4s` below. */
  readonly folder: string
  /** Segments of each of its two renditions, `source` and `audio`. */
  readonly segments: number
}

/** 720p30 at 2.5 Mb/s with sound, in a folder of this machine; the rows in PostgreSQL, as this process writes them, too. */
export async function openSluiceWithVod(seconds: number): Promise<VodSystem> {
  const database = await createPostgresDatabase()
  await using opened = new AsyncDisposableStack()
  const system = opened.use(await openSluice({ LADDER: 'off', DATABASE_URL: database }))
  const { dataDir, url } = system.sluice
  const channel = await system.sluice.createChannel('library')
  const rows = opened.use(await Database.open({ url: database, dataDir }))
  const store = opened.use(await DirectoryStore.open(join(dataDir, 'media')))
  const broadcasts = [readFlv(await loopOf(seconds))]
  const { id, segments } = await storeVod({ database: rows, store, channelId: channel.id, broadcasts })
  const owned = opened.move()
  return {
    ...system,
    vodId: id,
    playlistUrl: `${url}/vod/${id}/index.m3u8`,
    folder: join(dataDir, 'media', 'vods', id),
    segments: segments.get('source')!.length,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function loopOf(seconds: number): Promise<Uint8Array> {
  const input = ['-stream_loop', '-1', '-i', await encodeFile(), '-t', String(seconds), '-c', 'copy']
  const ffmpeg = Bun.spawn(['ffmpeg', '-v', 'error', '-nostdin', ...input, '-f', 'flv', 'pipe:1'], {
    stderr: 'inherit',
  })
  return new Response(ffmpeg.stdout).bytes()
}
