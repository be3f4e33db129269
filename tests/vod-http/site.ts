/** VODs behind a real HTTP server: a database, a folder of objects, and the routes. */
import { createLog } from '../../src/log.ts'
import { Frames } from '../../src/pictures/frames.ts'
import { DirectoryStore } from '../../src/storage/directory-store.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { type VodRouteOptions, vodRoutes } from '../../src/vod-http/routes.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { mountMedia } from '../support/mounted-media.ts'
import { createAccount, createChannel, createServices } from '../support/platform.ts'
import { type StoredVod, type StoreVodOptions, storeVod } from '../support/stored-vod.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { createVods, type TestVods } from '../support/vods.ts'

export const log = createLog('silent')

export interface VodSite extends AsyncDisposable {
  readonly opened: TestDatabase
  readonly store: ObjectStore
  readonly vods: TestVods
  readonly channel: { readonly id: string; readonly slug: string; readonly ownerId: string }
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  add(options: Pick<StoreVodOptions, 'broadcasts'> & Partial<StoreVodOptions>): Promise<StoredVod>
  /** `path` below `/vod/`. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  text(path: string): Promise<string>
}

/** Rows are read anew for each request, unless told otherwise. */
export async function openVodSite(
  options: Partial<VodRouteOptions> = {},
  store?: ObjectStore,
): Promise<VodSite> {
  const opened = await openTestDatabase('pglite')
  const folder = await tempFolder()
  const objects = store ?? (await DirectoryStore.open(folder.path))
  const services = createServices(opened.database)
  const owner = await createAccount(services)
  const channel = await createChannel(services, owner.id)
  const vods = createVods(opened.database)
  const routes = vodRoutes({
    ...{ vods: vods.vods, manifest: vods.manifest, store: objects, log },
    ...{ delivery: 'proxy', keptBytes: 256 * 1024, freshMs: 0, limit: () => {} },
    ...{ mayWatch: async () => undefined, mayWatchLive: async () => undefined },
    frames: new Frames({ manifest: vods.manifest, store: objects, log }),
    ...options,
  })
  const server = mountMedia(routes).listen()
  const url = `http://127.0.0.1:${server.port}`
  const request = (path: string, init?: RequestInit) => fetch(`${url}/vod/${path}`, init)
  return {
    ...{ opened, store: objects, vods, url },
    channel: { id: channel.id, slug: channel.slug, ownerId: owner.id },
    add: given =>
      storeVod({ database: opened.database, store: objects, channelId: channel.id, vods, ...given }),
    fetch: request,
    async text(path) {
      const response = await request(path)
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
      return response.text()
    },
    async [Symbol.asyncDispose]() {
      await server.stop(true)
      await objects.close()
      await opened[Symbol.asyncDispose]()
      await folder.remove()
    },
  }
}

export async function reasonOf(response: Response): Promise<string> {
  return ((await response.json()) as { reason: string }).reason
}

/** What a program said, and how it ended. */
export async function run(
  command: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = Bun.spawn([...command], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { code: await child.exited, stdout, stderr }
}

/** Decodes strictly to the end; answers how many pictures there were. */
export async function countPictures(url: string, ...args: readonly string[]): Promise<number> {
  const input = ['-v', 'warning', '-nostdin', '-xerror', ...args, '-i', url]
  const output = [
    '-map',
    '0:v:0',
    '-map',
    '0:a?',
    '-fps_mode',
    'passthrough',
    '-f',
    'null',
    '-progress',
    'pipe:1',
    '-',
  ]
  const { code, stdout, stderr } = await run(['ffmpeg', ...input, ...output])
  if (code !== 0) throw new Error(stderr)
  return Number(/.*frame=\s*(\d+)/s.exec(stdout)![1])
}
