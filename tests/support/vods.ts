/** VODs for tests: their service on a test's database, and rows of segments without media. */
import type { Database } from '../../src/db/database.ts'
import { Manifest, type VodSegment } from '../../src/vod/manifest.ts'
import { VodsRepository } from '../../src/vod/repository.ts'
import { VodService } from '../../src/vod/service.ts'

export interface TestVods {
  readonly vods: VodService
  readonly manifest: Manifest
  /** The ids of VODs whose objects are to be removed, and of those whose pictures are to be made. */
  readonly removed: string[]
  readonly finished: string[]
}

export function createVods({ db }: Database, options: { now?: () => number } = {}): TestVods {
  const removed: string[] = []
  const finished: string[] = []
  const manifest = new Manifest(db)
  const jobs = {
    remove: async (id: string) => void removed.push(id),
    finishPictures: async (id: string) => void finished.push(id),
  }
  return {
    vods: new VodService({ vods: new VodsRepository(db), manifest, jobs, ...options }),
    manifest,
    removed,
    finished,
  }
}

/** Two seconds of media that nobody will read. */
export function segmentRow(vodId: string, sequence: number, changes: Partial<VodSegment> = {}): VodSegment {
  return {
    ...{ vodId, rendition: 'source', sequence, initIndex: 0, discontinuity: 0, isDiscontinuity: false },
    ...{ isGap: false, isIndependent: true, startSeconds: sequence * 2 },
    ...{ startsAtMs: 1_800_000_000_000 + sequence * 2_000, durationSeconds: 2, sizeBytes: 1_000 },
    ...{ checksum: 'c0ffee', frameCount: 60, samples: new Uint8Array([sequence % 256]) },
    ...changes,
  }
}
