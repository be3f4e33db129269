import { beforeAll, describe, expect, test } from 'bun:test'
import type { AccessUnit, Tracks } from '../../media/access-unit.ts'
import { concatBytes } from '../../media/bytes.ts'
import { Packager } from '../../src/hls/packager.ts'
import { type ReadSample, readFragments } from '../media/mp4/box-reader.ts'
import { Collector } from './collector.ts'
import { type Encoded, encode } from './encoder.ts'

const clock = { wallTimeMs: (mediaMs: number) => 1_000_000 + mediaMs }

function open(tracks: Tracks, collector = new Collector()) {
  const list = tracks.audio ? ([tracks.video, tracks.audio] as const) : ([tracks.video] as const)
  const packager = new Packager({
    tracks: [...list],
    clock,
    consumer: collector,
    timing: collector.timing,
    isContinuation: collector.segments.length > 0,
  })
  return { packager, collector }
}

async function packageAll({ tracks, units }: Encoded): Promise<Collector> {
  const { packager, collector } = open(tracks)
  for (const unit of units) packager.write(unit)
  await packager.close()
  return collector
}

/** Every sample's end is the next one's beginning. */
function checkContinuity(samples: readonly ReadSample[]): void {
  for (const [index, sample] of samples.slice(1).entries())
    expect(sample.dts).toBe(samples[index]!.dts + samples[index]!.duration)
}

async function run(
  command: readonly string[],
  stdin: Uint8Array,
): Promise<{ stdout: string; stderr: string }> {
  const child = Bun.spawn([...command], { stdin, stdout: 'pipe', stderr: 'pipe' })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  expect(await child.exited, stderr).toBe(0)
  return { stdout, stderr }
}

/** Strict decode of the bytes: any complaint of ffmpeg fails. */
async function decode(bytes: Uint8Array): Promise<void> {
  const { stderr } = await run(
    ['ffmpeg', '-v', 'warning', '-nostdin', '-xerror', '-i', 'pipe:0', '-f', 'null', '-'],
    bytes,
  )
  expect(stderr).toBe('')
}

describe.each([
  { name: 'without B-frames', video: ['-tune', 'zerolatency'] },
  { name: 'with B-frames', video: ['-bf', '3'] },
])('real media $name', ({ video }) => {
  let encoded: Encoded
  let collector: Collector
  beforeAll(async () => {
    encoded = await encode({ seconds: 6, video })
    collector = await packageAll(encoded)
  })

  test('is cut into segments of 2 s and parts of 267 ms', () => {
    expect(collector.timing).toEqual({ targetDurationSeconds: 2, partTargetSeconds: 0.27 })
    expect(collector.segments.map(segment => Math.round(segment.durationSeconds * 10))).toEqual([20, 20, 20])
    for (const segment of collector.segments) {
      expect(segment.isIndependent).toBe(true)
      expect(segment.parts[0]!.isIndependent).toBe(true)
      expect(segment.frameCount).toBe(60)
    }
    const starts = collector.segments.map(segment => Math.round(segment.startsAtMs - 1_000_000))
    expect(starts.map(start => start - starts[0]!)).toEqual([0, 2000, 4000])
  })

  test('loses nothing, changes nothing and has continuous times', () => {
    const tracks = readFragments(concatBytes(collector.segments.map(segment => segment.data)))
    for (const [id, kind] of [
      [1, 'video'],
      [2, 'audio'],
    ] as const) {
      const written = encoded.units.filter(unit => unit.track.kind === kind)
      const read = tracks.get(id)!
      checkContinuity(read)
      const kept = written.slice(0, read.length)
      // The sound beyond the last picture has no part to be in.
      expect(written.length - kept.length).toBeLessThan(kind === 'video' ? 1 : 8)
      expect(read.map(({ dts, pts, isKey }) => ({ dts, pts, isKey }))).toEqual(
        kept.map(({ dts, pts, isKey }) => ({ dts, pts, isKey })),
      )
      for (const [index, sample] of read.entries())
        expect(Buffer.compare(sample.data, kept[index]!.data)).toBe(0)
    }
  })

  test('decodes strictly from the first segment, from a later one, and part by part', async () => {
    const [first, second, third] = collector.segments
    const init = first!.init
    await decode(concatBytes([init, first!.data, second!.data, third!.data]))
    await decode(concatBytes([init, second!.data]))
    await decode(concatBytes([init, ...third!.parts.map(part => part.data)]))
  })

  test('shows ffprobe the right codecs, size and frames', async () => {
    const bytes = concatBytes([
      collector.segments[0]!.init,
      ...collector.segments.map(segment => segment.data),
    ])
    const entries = 'stream=codec_name,profile,width,height,nb_read_frames,sample_rate,channels'
    const { stdout } = await run(
      ['ffprobe', '-v', 'error', '-count_frames', '-show_entries', entries, '-of', 'json', 'pipe:0'],
      bytes,
    )
    const [picture, sound] = JSON.parse(stdout).streams
    expect(picture).toMatchObject({ codec_name: 'h264', width: 320, height: 180, nb_read_frames: '180' })
    expect(sound).toMatchObject({ codec_name: 'aac', profile: 'LC', sample_rate: '48000', channels: 2 })
  })
})

describe('odd publishers', () => {
  let encoded: Encoded
  beforeAll(async () => {
    encoded = await encode({ seconds: 8, video: ['-tune', 'zerolatency'], size: '160x90' })
  })
  const seconds = (unit: AccessUnit) => unit.dts / unit.track.timescale
  const isVideo = (unit: AccessUnit) => unit.track.kind === 'video'

  test('a stream that ends within its first segment is whole', async () => {
    const collector = await packageAll({
      ...encoded,
      units: encoded.units.filter(unit => seconds(unit) < 0.7),
    })
    expect(collector.segments).toHaveLength(1)
    expect(collector.segments[0]!.durationSeconds).toBeCloseTo(0.7, 1)
    await decode(concatBytes([collector.segments[0]!.init, collector.segments[0]!.data]))
  })

  test('one frame alone makes a segment, no frame none', async () => {
    expect(
      (await packageAll({ ...encoded, units: encoded.units.filter(isVideo).slice(0, 1) })).segments,
    ).toHaveLength(1)
    expect((await packageAll({ ...encoded, units: [] })).segments).toHaveLength(0)
  })

  test.each([true, false])('dropped frames leave the promises intact (with sound: %p)', async hasAudio => {
    const tracks = hasAudio ? encoded.tracks : { video: encoded.tracks.video }
    const units = encoded.units.filter(
      unit => (hasAudio || isVideo(unit)) && !(isVideo(unit) && seconds(unit) > 3.2 && seconds(unit) < 4),
    )
    const collector = await packageAll({ tracks, units })
    for (const part of collector.parts)
      expect(part.durationSeconds).toBeLessThanOrEqual(collector.timing!.partTargetSeconds)
    const bytes = concatBytes(collector.segments.map(segment => segment.data))
    for (const samples of readFragments(bytes).values()) checkContinuity(samples)
    expect(collector.segments.reduce((sum, segment) => sum + segment.durationSeconds, 0)).toBeCloseTo(8, 1)
    await decode(concatBytes([collector.segments[0]!.init, bytes]))
  })

  test('when the picture stalls, the sound goes on, and the picture comes back', async () => {
    const { packager, collector } = open(encoded.tracks)
    for (const unit of encoded.units) {
      if (isVideo(unit) && seconds(unit) > 2.5 && seconds(unit) < 6) continue
      packager.write(unit)
      if (isVideo(unit) || seconds(unit) < 5.9 || seconds(unit) > 6) continue
      const live = collector.parts.reduce((sum, part) => sum + part.durationSeconds, 0)
      expect(live).toBeGreaterThan(5.3)
    }
    await packager.close()
    const tracks = readFragments(concatBytes(collector.segments.map(segment => segment.data)))
    expect(tracks.get(1)!.at(-1)!.dts / 90_000).toBeGreaterThan(7.9)
    checkContinuity(tracks.get(2)!)
  })

  test('a jump of more than six seconds is a discontinuity', async () => {
    const units = encoded.units.map(unit => {
      const jump = seconds(unit) >= 4 ? 20 * unit.track.timescale : 0
      return { ...unit, dts: unit.dts + jump, pts: unit.pts + jump }
    })
    const collector = await packageAll({ ...encoded, units })
    expect(collector.segments.map(segment => segment.isDiscontinuity)).toEqual([false, false, true, false])
    expect(collector.segments.reduce((sum, segment) => sum + segment.durationSeconds, 0)).toBeCloseTo(8, 1)
  })

  test('time that stands still costs bounded memory', async () => {
    const { packager, collector } = open({ video: encoded.tracks.video })
    const data = new Uint8Array(1024 * 1024)
    for (let dts = 0; dts < 200; dts++)
      packager.write({ track: encoded.tracks.video, dts, pts: dts, isKey: dts === 0, data })
    expect(collector.segments.length).toBeGreaterThanOrEqual(4)
    for (const segment of collector.segments) expect(segment.data.byteLength).toBeLessThan(60e6)
    await packager.close()
  })

  test('a flood of sound without picture costs bounded memory', async () => {
    const { packager, collector } = open(encoded.tracks)
    const audio = encoded.tracks.audio!
    packager.write(encoded.units.find(isVideo)!)
    const data = new Uint8Array(200)
    for (let count = 0; count < 100_000; count++)
      packager.write({ track: audio, dts: count * 1024, pts: count * 1024, isKey: true, data })
    const made = collector.segments.reduce((sum, segment) => sum + segment.data.byteLength, 0)
    expect(made).toBeGreaterThan(100_000 * 200 * 0.95)
    await packager.close()
  })

  test('units out of order are left out', async () => {
    const { packager, collector } = open(encoded.tracks)
    for (const unit of encoded.units) {
      packager.write(unit)
      packager.write(unit)
    }
    await packager.close()
    const tracks = readFragments(concatBytes(collector.segments.map(segment => segment.data)))
    expect(tracks.get(1)).toHaveLength(240)
  })

  test('closing twice ends once, and nothing is taken afterwards', async () => {
    const { packager, collector } = open(encoded.tracks)
    for (const unit of encoded.units.slice(0, 300)) packager.write(unit)
    await packager.close()
    const count = collector.parts.length
    await packager.close()
    for (const unit of encoded.units.slice(300)) packager.write(unit)
    expect(collector.parts).toHaveLength(count)
    expect(collector.isIdle).toBe(true)
  })

  test('a later packager keeps the timing and begins with a discontinuity', async () => {
    const collector = await packageAll(encoded)
    const other = await encode({ seconds: 5, rate: 50, gop: 150, size: '128x72' })
    const { packager } = open(other.tracks, collector)
    for (const unit of other.units) packager.write(unit)
    await packager.close()
    const [first, second] = collector.segments.slice(4)
    expect(first).toMatchObject({ isDiscontinuity: true, isIndependent: true })
    expect(second).toMatchObject({ isDiscontinuity: false })
    expect(first!.init).not.toEqual(collector.segments[0]!.init)
    for (const segment of collector.segments)
      expect(Math.round(segment.durationSeconds)).toBeLessThanOrEqual(2)
  })
})

test('sound alone can lead', async () => {
  const { tracks, units } = await encode({ seconds: 6 })
  const collector = new Collector()
  const packager = new Packager({ tracks: [tracks.audio!], clock, consumer: collector })
  for (const unit of units) packager.write(unit)
  await packager.close()
  expect(collector.timing!.targetDurationSeconds).toBe(2)
  expect(collector.parts.every(part => part.isIndependent)).toBe(true)
  await decode(concatBytes([collector.segments[0]!.init, ...collector.segments.map(segment => segment.data)]))
})
