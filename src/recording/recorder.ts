/**
 * Records every running stream: the segments that HLS makes are on disk part by part, then in the object store and in
 * the manifest. What a process that died has left is finished by the next one; live never waits for any of it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Archive, StreamArchive } from '../hls/archive.ts'
import type { StreamIdentity } from '../live/output.ts'
import type { Log } from '../log.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { Manifest } from '../vod/manifest.ts'
import type { VodService } from '../vod/service.ts'
import { ManifestWriter } from './manifest-writer.ts'
import { Recording } from './recording.ts'
import { recover } from './recovery.ts'
import { SegmentUploads } from './segment-uploads.ts'
import { Spool } from './spool.ts'

/** The records of recordings, as far as the recorder writes them. */
export type RecordingRecords = Pick<
  VodService,
  'openRecording' | 'find' | 'finish' | 'setProblem' | 'listByStatus'
>

export interface RecorderOptions {
  readonly vods: RecordingRecords
  readonly manifest: Pick<Manifest, 'addInit' | 'addSegments' | 'fillGaps'>
  readonly store: Pick<ObjectStore, 'get' | 'put'>
  /** Where segments lie until they are stored. */
  readonly spoolFolder: string
  /** The process that writes them: who it was before finishes what it began. */
  readonly instanceId: string
  readonly log: Log
}

/** When everything stops, so much time is given to what is nearly stored; the rest goes on with the next start. */
const CLOSE_MS = 2_000

export class Recorder implements Archive {
  /** What an earlier process has left is on its way again. */
  readonly recovered: Promise<void>
  readonly #options: RecorderOptions
  readonly #spool: Spool
  readonly #uploads: SegmentUploads
  readonly #rows: ManifestWriter
  /** VODs whose media is all on disk, on its way. */
  readonly #finishing = new Set<Promise<void>>()
  /** VODs of dead instances. */
  readonly #adopted = new Set<string>()
  #isClosed = false

  /** `left`: VODs that an earlier process has begun and not finished. */
  private constructor(options: RecorderOptions, spool: Spool, left: ReadonlySet<string>) {
    const { store, manifest, log } = options
    this.#options = options
    this.#spool = spool
    this.#uploads = new SegmentUploads({ store, log })
    this.#rows = new ManifestWriter({ manifest, log })
    this.recovered = this.#recover(left).catch(err => log.error({ err }, 'the spool cannot be read'))
  }

  /** Goes on, beside everything else, with what an earlier process has left. Throws when `spoolFolder` cannot be used. */
  static async open(options: RecorderOptions): Promise<Recorder> {
    const spool = await Spool.open(options.spoolFolder)
    const unfinished = await options.vods.listByStatus('recording')
    const own = unfinished.filter(vod => vod.instanceId === options.instanceId).map(vod => vod.id)
    return new Recorder(options, spool, new Set([...own, ...(await spool.list())]))
  }

  /** Segments that are on disk and not in the store. */
  get waiting(): number {
    return this.#uploads.size
  }

  /** For HLS: a stream begins. */
  async open({ id }: StreamIdentity): Promise<StreamArchive> {
    const { vods, instanceId } = this.#options
    const vod = await vods.openRecording({ streamId: id, instanceId })
    return this.#recordingOf(vod.id)
  }

  /**
   * Finishes what instances that are not among the living have begun, from what they had stored. What lies on a dead
   * machine's disk is added when that machine is back.
   */
  async finishAbandoned(living: readonly string[]): Promise<void> {
    const { vods, instanceId } = this.#options
    const known = new Set<string | null>([instanceId, ...living])
    for (const vod of await vods.listByStatus('recording'))
      if (!known.has(vod.instanceId) && !this.#adopted.has(vod.id)) {
        this.#adopted.add(vod.id)
        this.#finish(this.#recordingOf(vod.id))
      }
  }

  /** What is not stored within two seconds stays in the spool for the next start. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const late = new AbortController()
    const deadline = sleep(CLOSE_MS, undefined, { signal: late.signal }).catch(() => {})
    await Promise.race([Promise.all([...this.#finishing, this.recovered]), deadline])
    late.abort()
    this.#uploads.close()
    this.#rows.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #recordingOf(vodId: string): Recording {
    const { store } = this.#options
    const recording: Recording = new Recording({
      ...{ vodId, store, spool: this.#spool, uploads: this.#uploads, rows: this.#rows },
      onProblem: error => this.#report(vodId, error),
      onSpooled: () => this.#finish(recording),
    })
    return recording
  }

  #finish(recording: Recording): void {
    const { vods, manifest, log } = this.#options
    const { vodId } = recording
    const finishing = recording
      .stored()
      .then(() => this.#spool.remove(vodId))
      .then(() => this.#rows.insist(() => manifest.fillGaps(vodId)))
      .then(() => this.#rows.insist(() => vods.finish(vodId)))
      .then(outcome => log.info({ vodId, outcome }, 'a recording is complete'))
      .catch(err =>
        log.error({ err, vodId }, 'a recording could not be finished; the next start tries again'),
      )
      .finally(() => this.#finishing.delete(finishing))
    this.#finishing.add(finishing)
  }

  async #recover(left: ReadonlySet<string>): Promise<void> {
    const { vods, log } = this.#options
    for (const vodId of left) {
      const leftover = await this.#spool.read(vodId)
      if (await this.#rows.insist(() => vods.find(vodId)))
        this.#finish(await recover(leftover, this.#recordingOf(vodId), log))
      else await this.#spool.remove(vodId)
    }
  }

  #report(vodId: string, error: Error): void {
    const { vods, log } = this.#options
    const isFull = (error as { code?: unknown }).code === 'ENOSPC'
    log.warn({ err: error, vodId }, 'a segment could not be recorded')
    const problem = `${isFull ? 'The disk was full' : 'The disk could not take everything'}: some of this recording is missing.`
    vods.setProblem(vodId, problem).catch(err => log.warn({ err, vodId }, 'the problem could not be stored'))
  }
}
