/** A recorder on a real database and a real folder, and streams of real media that go through it as HLS sends them. */
import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { StreamArchive } from '../../src/hls/archive.ts'
import { Hls } from '../../src/hls/hls.ts'
import type { HlsStream } from '../../src/hls/stream.ts'
import { Broadcast } from '../../src/live/broadcast.ts'
import type { StreamIdentity } from '../../src/live/output.ts'
import { createLog } from '../../src/log.ts'
import { Recorder } from '../../src/recording/recorder.ts'
import { DirectoryStore } from '../../src/storage/directory-store.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { Manifest } from '../../src/vod/manifest.ts'
import { VodsRepository } from '../../src/vod/repository.ts'
import { VodService } from '../../src/vod/service.ts'
import type { Encoded } from '../hls/encoder.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { EVERYBODY } from '../support/everybody.ts'
import { createAccount, createChannel, createServices } from '../support/platform.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { waitFor } from '../support/wait-for.ts'

export const log = createLog('silent')
export const INSTANCE = '00000000-0000-7000-8000-000000000001'

/** What is on disk of one machine, and the database. */
export class Stage implements AsyncDisposable {
  readonly manifest: Manifest
  readonly vods: VodService
  readonly removed: string[] = []
  readonly folder: string
  readonly store: ObjectStore
  /** Stands before the store: throws while it is away. */
  isStoreAway = false
  readonly #database: TestDatabase
  readonly #release: () => Promise<void>

  private constructor(
    database: TestDatabase,
    store: ObjectStore,
    folder: string,
    release: () => Promise<void>,
  ) {
    const { db } = database.database
    this.#database = database
    this.#release = release
    this.folder = folder
    this.store = store
    this.manifest = new Manifest(db)
    this.vods = new VodService({
      vods: new VodsRepository(db),
      manifest: this.manifest,
      jobs: {
        remove: async id => {
          this.removed.push(id)
        },
        finishPictures: async () => {},
      },
    })
  }

  static async open(): Promise<Stage> {
    const database = await openTestDatabase('pglite')
    const folder = await tempFolder()
    const store = await DirectoryStore.open(join(folder.path, 'media'))
    return new Stage(database, store, folder.path, () => folder.remove())
  }

  /** As at a start of the process. `spoolFolder`: elsewhere than usual. */
  openRecorder(spoolFolder = join(this.folder, 'spool'), instanceId = INSTANCE): Promise<Recorder> {
    const guarded = {
      get: this.store.get.bind(this.store),
      put: (...args: Parameters<ObjectStore['put']>) => {
        if (this.isStoreAway) return Promise.reject(new Error('the store is away'))
        return this.store.put(...args)
      },
    }
    const { vods, manifest } = this
    return Recorder.open({ vods, manifest, store: guarded, spoolFolder, instanceId, log })
  }

  /** A stream of a new channel that goes live through HLS with the recorder behind it. */
  async stream(recorder: Recorder, media: Encoded): Promise<RecordedStream> {
    const services = createServices(this.#database.database)
    const { id: accountId } = await createAccount(services)
    const channel = await createChannel(services, accountId)
    const stream = await services.streams.open(channel.id)
    await services.streams.goLive(stream.id)
    return RecordedStream.open({ id: stream.id, channelId: channel.id, slug: channel.slug }, recorder, media)
  }

  /** Moves what is in the spool aside, as a process that is killed now would leave it; `restore` puts it back. */
  async snapshotSpool(): Promise<{ restore(): Promise<void> }> {
    const [spool, copy] = [join(this.folder, 'spool'), join(this.folder, `spool-${crypto.randomUUID()}`)]
    await cp(spool, copy, { recursive: true })
    return {
      restore: async () => {
        await rm(spool, { recursive: true, force: true })
        await cp(copy, spool, { recursive: true })
      },
    }
  }

  async spooled(): Promise<string[]> {
    const names = await readdir(join(this.folder, 'spool'), { recursive: true })
    return names.filter(name => name.endsWith('.m4s'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close()
    await this.#database[Symbol.asyncDispose]()
    await this.#release()
  }
}

/** Media whose time is the test's. */
export class RecordedStream {
  readonly hls: Hls
  readonly identity: { readonly id: string; readonly channelId: string; readonly slug: string }
  now = 1_700_000_000_000
  #output: HlsStream | undefined
  #archive: StreamArchive | undefined
  #broadcast: Broadcast | undefined
  #media: Encoded
  #written = 0

  private constructor(identity: RecordedStream['identity'], recorder: Recorder, media: Encoded) {
    this.identity = identity
    this.#media = media
    const open = async (opened: StreamIdentity) => {
      this.#archive = await recorder.open(opened)
      return this.#archive
    }
    this.hls = new Hls({
      admission: EVERYBODY,
      log,
      now: () => this.now,
      archive: { open },
      limits: { listedSeconds: 3_600 },
    })
  }

  static async open(
    identity: RecordedStream['identity'],
    recorder: Recorder,
    media: Encoded,
  ): Promise<RecordedStream> {
    const stream = new RecordedStream(identity, recorder, media)
    stream.#output = (await stream.hls.openOutput(identity)) as HlsStream
    stream.attach(media)
    return stream
  }

  /** A publisher, with media that begins anew. */
  attach(media: Encoded): void {
    void this.#broadcast?.close()
    this.#media = media
    this.#written = 0
    this.#broadcast = new Broadcast({ tracks: media.tracks, log, now: () => this.now })
    this.#broadcast.addSink(this.#output!.attach(this.#broadcast))
  }

  /** Writes the media before `seconds`. */
  feed(seconds: number): void {
    const { units } = this.#media
    const timeOf = (index: number) => units[index]!.dts / units[index]!.track.timescale
    while (this.#written < units.length && timeOf(this.#written) < seconds) {
      this.now += Math.max(0, (timeOf(this.#written) - timeOf(Math.max(0, this.#written - 1))) * 1000)
      this.#broadcast!.write(units[this.#written++]!)
    }
  }

  /** Resolves when every complete segment of the source is on disk. */
  async spooled(): Promise<void> {
    const { segments } = this.#output!.source.window
    const sequence = segments.last?.segment.sequence
    const isHeld = () => sequence === undefined || this.#archive!.holds('source', sequence)
    await waitFor(isHeld, { message: `segment ${sequence} to be on disk`, intervalMs: 2 })
  }

  /** Of all renditions. */
  get bytesInMemory(): number {
    return this.#output!.renditions.reduce((sum, { window }) => sum + window.bytes, 0)
  }

  async end(): Promise<void> {
    await this.#broadcast?.close()
    await this.#output?.close()
  }
}
