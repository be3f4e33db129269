/** VODs of real media for tests: what ffmpeg encodes, packaged as a live stream's recording is, as rows and objects. */
import type { AudioTrack, Track, VideoTrack } from '../../media/access-unit.ts'
import { videoRangeOf } from '../../media/colour.ts'
import { readSegment } from '../../media/mp4/demux.ts'
import { encodeSampleTable } from '../../media/mp4/sample-table.ts'
import type { Database } from '../../src/db/database.ts'
import type { StoredTrack } from '../../src/db/vod-schema.ts'
import { Packager } from '../../src/hls/packager.ts'
import type { Segment } from '../../src/hls/segment.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import type { VodSegment } from '../../src/vod/manifest.ts'
import { segmentKey } from '../../src/vod/object-keys.ts'
import { Collector } from '../hls/collector.ts'
import type { Encoded } from '../hls/encoder.ts'
import { createVods, type TestVods } from './vods.ts'

export interface StoreVodOptions {
  readonly database: Database
  readonly store: ObjectStore
  readonly channelId: string
  /** What the publisher sent: one after the other, with a discontinuity between. */
  readonly broadcasts: readonly Encoded[]
  /** Of a stream's recording; undefined: the VOD is an upload. */
  readonly streamId?: string
  readonly title?: string
  readonly visibility?: 'public' | 'unlisted' | 'private'
  /** Who sent the file. */
  readonly authorId?: string
  /** When the first segment was captured, milliseconds since the epoch. */
  readonly startsAtMs?: number
  /** Leaves it in the status that it has while media is coming. */
  readonly isUnfinished?: boolean
  /** On the test's database; new ones unless given. */
  readonly vods?: TestVods
}

export interface StoredVod {
  readonly id: string
  readonly vods: TestVods
  /** By rendition. */
  readonly segments: ReadonlyMap<string, readonly Segment[]>
}

const START = Date.UTC(2027, 0, 15, 20)
/** A publisher that dropped is away for so long. */
const PAUSE_MS = 5_000

/** Stores everything, and finishes the VOD unless told otherwise. */
export async function storeVod(options: StoreVodOptions): Promise<StoredVod> {
  const { database, store, channelId, title = 'A video', visibility = 'public', authorId, streamId } = options
  const made = options.vods ?? createVods(database)
  const { id } = streamId
    ? await made.vods.openRecording({ streamId, title, visibility, instanceId: null })
    : await made.vods.create({ channelId, kind: 'upload', title, visibility, authorId })
  const segments = await packageBroadcasts(options.broadcasts, options.startsAtMs ?? START)
  for (const [rendition, each] of segments) await storeRendition(store, made, id, rendition, each)
  if (!options.isUnfinished) await made.vods.finish(id)
  return { id, vods: made, segments }
}

async function packageBroadcasts(
  broadcasts: readonly Encoded[],
  startsAtMs: number,
): Promise<Map<string, readonly Segment[]>> {
  const collectors = new Map<string, Collector>()
  const consumerOf = (name: string) => {
    const collector = collectors.get(name) ?? new Collector()
    collectors.set(name, collector)
    return collector
  }
  let before: Packager | undefined
  let wallMs = startsAtMs
  for (const { tracks, units } of broadcasts) {
    const others = (tracks.alternateAudio ?? []).map((track, index) => ({
      name: `audio-${index + 2}`,
      track,
    }))
    const sounds = tracks.audio ? [{ name: 'audio', track: tracks.audio }, ...others] : []
    // As a live stream does it: who listens to a sound that is gone hears the default one instead.
    const isGone = (name: string) => name.startsWith('audio') && !sounds.some(sound => sound.name === name)
    const gone = [...collectors.keys()].filter(isGone)
    if (tracks.audio) sounds.push(...gone.map(name => ({ name, track: tracks.audio! })))
    const [offsetMs, firstMs] = [wallMs, timeMs(units[0]!)]
    const packager = new Packager({
      ...{ picture: tracks.video, sounds, consumerOf },
      ...{ earlier: [...collectors.keys()], timing: before?.timing, position: before?.position },
      clock: { wallTimeMs: mediaMs => offsetMs + mediaMs - firstMs },
    })
    for (const unit of units) packager.write(unit)
    await packager.close()
    wallMs += Math.max(...units.map(timeMs)) - firstMs + PAUSE_MS
    before = packager
  }
  return new Map([...collectors].map(([name, { segments }]) => [name, segments]))
}

function timeMs(unit: Encoded['units'][number]): number {
  return (unit.dts / unit.track.timescale) * 1000
}

async function storeRendition(
  store: ObjectStore,
  { manifest }: TestVods,
  vodId: string,
  rendition: string,
  segments: readonly Segment[],
): Promise<void> {
  const inits: Uint8Array[] = []
  const rows: VodSegment[] = []
  for (const segment of segments) {
    if (segment.init && !isSame(inits.at(-1), segment.init)) {
      const kind = rendition === 'source' ? 'source' : rendition.startsWith('audio') ? 'sound' : 'rung'
      const track = storedTrack(segment.track!)
      await manifest.addInit(vodId, { rendition, index: inits.length, kind, data: segment.init, track })
      inits.push(segment.init)
    }
    const row = rowOf(vodId, rendition, segment, inits)
    rows.push(row)
    if (!segment.isGap) await store.put(segmentKey(row), segment.data)
  }
  await manifest.addSegments(rows)
}

/** A publisher who comes back as he was needs no other init segment. */
function isSame(left: Uint8Array | undefined, right: Uint8Array): boolean {
  return left !== undefined && Buffer.compare(left, right) === 0
}

function rowOf(
  vodId: string,
  rendition: string,
  { data, init, isGap, parts, track, ...rest }: Segment,
  inits: readonly Uint8Array[],
): VodSegment {
  const samples = isGap ? new Uint8Array() : encodeSampleTable(readSegment(init!, data))
  return {
    ...{ vodId, rendition, isGap, samples },
    initIndex: inits.length > 0 ? inits.length - 1 : null,
    sizeBytes: data.byteLength,
    checksum: isGap ? '' : new Bun.CryptoHasher('sha256').update(data).digest('hex'),
    ...rest,
  }
}

/** As the recorder writes it down. */
function storedTrack(track: Track): StoredTrack {
  const { codec, codecString, timescale } = track
  const common = { codec, codecString, timescale }
  return track.kind === 'video' ? { ...common, ...ofPicture(track) } : { ...common, ...ofSound(track) }
}

function ofPicture({ kind, width, height, frameRate, colour }: VideoTrack) {
  return { kind, width, height, frameRate, videoRange: videoRangeOf(colour) }
}

function ofSound({ kind, sampleRate, channels, language }: AudioTrack) {
  return { kind, sampleRate, channels, language }
}
