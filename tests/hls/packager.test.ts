import { beforeAll, describe, expect, test } from 'bun:test'
import type { AccessUnit } from '../../media/access-unit.ts'
import { concatBytes } from '../../media/bytes.ts'
import { readFragments } from '../media/mp4/box-reader.ts'
import { type Encoded, encode } from './encoder.ts'
import { isOf, seconds } from './ladder.ts'
import {
  checkAligned,
  checkContinuity,
  decode,
  mediaOf,
  open,
  packageAll,
  packageStream,
  run,
  type Stream,
  samplesOf,
} from './packaging.ts'
import { PART_PICTURES, PART_TARGET_SECONDS } from './part-target.ts'

describe.each([
  { name: 'without B-frames', video: ['-tune', 'zerolatency'] },
  { name: 'with B-frames', video: ['-bf', '3'] },
])('real media $name', ({ video }) => {
  let encoded: Encoded
  let stream: Stream
  beforeAll(async () => {
    encoded = await encode({ seconds: 6, video })
    stream = await packageStream(encoded)
  }, 60_000)

  test('is cut into segments of 2 s and parts of whole pictures', () => {
    const { timing, segments } = stream.source
    expect(timing).toEqual({ targetDurationSeconds: 2, partTargetSeconds: PART_TARGET_SECONDS })
    expect(stream.get('audio').timing).toEqual(timing!)
    expect(segments.map(segment => Math.round(segment.durationSeconds * 10))).toEqual([20, 20, 20])
    for (const segment of segments) {
      expect(segment.isIndependent).toBe(true)
      expect(segment.parts[0]!.isIndependent).toBe(true)
      expect(segment.frameCount).toBe(60)
      for (const part of segment.parts.slice(0, -1))
        expect(readFragments(part.data).get(1)).toHaveLength(PART_PICTURES)
    }
    const starts = segments.map(segment => Math.round(segment.startsAtMs - 1_000_000))
    expect(starts.map(start => start - starts[0]!)).toEqual([0, 2000, 4000])
    const firstPicture = encoded.units.find(isOf(encoded.tracks.video))!
    expect(starts[0]).toBe(Math.round(firstPicture.pts / 90))
  })

  test('sound has segments of the same times, of its own whole frames', () => {
    const { segments, timing } = stream.get('audio')
    for (const [index, segment] of segments.entries()) {
      const picture = stream.source.segments[index]!
      const { sequence, discontinuity } = picture
      expect(segment).toMatchObject({ sequence, discontinuity, isIndependent: true, isGap: false })
      expect(Math.abs(segment.startSeconds - picture.startSeconds)).toBeLessThan(0.022)
      expect(segment.startsAtMs - picture.startsAtMs).toBeCloseTo(
        (segment.startSeconds - picture.startSeconds) * 1000,
        3,
      )
      for (const part of segment.parts) {
        const samples = readFragments(part.data).get(1)!
        const ticks = samples.reduce((sum, sample) => sum + sample.duration, 0)
        expect(part.durationSeconds).toBeCloseTo(ticks / 48_000, 9)
        expect(part.durationSeconds).toBeLessThanOrEqual(timing!.partTargetSeconds)
        if (part !== segment.parts.at(-1))
          expect(part.durationSeconds).toBeGreaterThanOrEqual(0.85 * timing!.partTargetSeconds)
      }
    }
    expect(segments).toHaveLength(3)
  })

  test('loses nothing, changes nothing and has continuous times', () => {
    for (const [name, track] of [
      ['source', encoded.tracks.video],
      ['audio', encoded.tracks.audio!],
    ] as const) {
      const start = stream.source.segments[0]!.startSeconds
      const written = encoded.units
        .filter(isOf(track))
        .filter(unit => unit.pts / track.timescale >= start - 1e-6)
      const read = samplesOf(stream.get(name).segments)
      checkContinuity(read)
      const kept = written.slice(0, read.length)
      // The sound beyond the last picture has no part to be in.
      expect(written.length - kept.length).toBeLessThan(name === 'source' ? 1 : 8)
      expect(read.map(({ dts, pts, isKey }) => ({ dts, pts, isKey }))).toEqual(
        kept.map(({ dts, pts, isKey }) => ({ dts, pts, isKey })),
      )
      for (const [index, sample] of read.entries())
        expect(Buffer.compare(sample.data, kept[index]!.data)).toBe(0)
    }
  })

  test.each(['source', 'audio'])(
    '%s decodes strictly from the first segment, a later one, part by part',
    async name => {
      const [first, second, third] = stream.get(name).segments
      const init = first!.init!
      await decode(concatBytes([init, first!.data, second!.data, third!.data]))
      await decode(concatBytes([init, second!.data]))
      await decode(concatBytes([init, ...third!.parts.map(part => part.data)]))
    },
  )

  test('shows ffprobe the right codecs, size and frames', async () => {
    const entries = 'stream=codec_name,profile,width,height,nb_read_frames,sample_rate,channels'
    const probe = async (name: string) => {
      const { segments } = stream.get(name)
      const args = ['-v', 'error', '-count_frames', '-show_entries', entries, '-of', 'json', 'pipe:0']
      const { stdout } = await run(['ffprobe', ...args], concatBytes([segments[0]!.init!, mediaOf(segments)]))
      return JSON.parse(stdout).streams
    }
    const picture = { codec_name: 'h264', width: 320, height: 180, nb_read_frames: '180' }
    expect(await probe('source')).toEqual([expect.objectContaining(picture)])
    const sound = { codec_name: 'aac', profile: 'LC', sample_rate: '48000', channels: 2 }
    expect(await probe('audio')).toEqual([expect.objectContaining(sound)])
  })
})

describe('odd publishers', () => {
  let encoded: Encoded
  beforeAll(async () => {
    encoded = await encode({ seconds: 8, video: ['-tune', 'zerolatency'], size: '160x90' })
  }, 60_000)
  const isVideo = (unit: AccessUnit) => unit.track.kind === 'video'

  test('a stream that ends within its first segment is whole', async () => {
    const collector = await packageAll({
      ...encoded,
      units: encoded.units.filter(unit => seconds(unit) < 0.7),
    })
    expect(collector.segments).toHaveLength(1)
    expect(collector.segments[0]!.durationSeconds).toBeCloseTo(0.7, 1)
    await decode(concatBytes([collector.segments[0]!.init!, collector.segments[0]!.data]))
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
    checkContinuity(samplesOf(collector.segments))
    expect(collector.segments.reduce((sum, segment) => sum + segment.durationSeconds, 0)).toBeCloseTo(8, 1)
    await decode(concatBytes([collector.segments[0]!.init!, mediaOf(collector.segments)]))
  })

  test('when the picture stalls, the sound goes on, and the picture comes back', async () => {
    const { packager, stream, collector } = open(encoded.tracks)
    for (const unit of encoded.units) {
      if (isVideo(unit) && seconds(unit) > 2.5 && seconds(unit) < 6) continue
      packager.write(unit)
      if (isVideo(unit) || seconds(unit) < 5.9 || seconds(unit) > 6) continue
      for (const { parts } of stream.collectors.values())
        expect(parts.reduce((sum, part) => sum + part.durationSeconds, 0)).toBeGreaterThan(5.3)
    }
    await packager.close()
    expect(samplesOf(collector.segments).at(-1)!.dts / 90_000).toBeGreaterThan(7.9)
    expect(collector.parts.filter(part => part.isGap).length).toBeGreaterThan(5)
    const sound = stream.get('audio')
    checkContinuity(samplesOf(sound.segments))
    expect(sound.parts.some(part => part.isGap)).toBe(false)
    checkAligned(stream)
  })

  test('a jump of more than six seconds is a discontinuity', async () => {
    const units = encoded.units.map(unit => {
      const jump = seconds(unit) >= 4 ? 20 * unit.track.timescale : 0
      return { ...unit, dts: unit.dts + jump, pts: unit.pts + jump }
    })
    const stream = await packageStream({ ...encoded, units })
    for (const { segments } of stream.collectors.values()) {
      expect(segments.map(segment => segment.isDiscontinuity)).toEqual([false, false, true, false])
      expect(segments.map(segment => segment.discontinuity)).toEqual([0, 0, 1, 1])
      expect(segments.reduce((sum, segment) => sum + segment.durationSeconds, 0)).toBeCloseTo(8, 1)
      expect(segments.some(segment => segment.isGap)).toBe(false)
    }
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
    const { packager, stream } = open(encoded.tracks)
    const audio = encoded.tracks.audio!
    packager.write(encoded.units.find(isVideo)!)
    const data = new Uint8Array(200)
    for (let count = 0; count < 100_000; count++)
      packager.write({ track: audio, dts: count * 1024, pts: count * 1024, isKey: true, data })
    const made = stream.get('audio').segments.reduce((sum, segment) => sum + segment.data.byteLength, 0)
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
    expect(samplesOf(collector.segments)).toHaveLength(240)
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

  test('a later packager keeps the timing, goes on with the numbers and begins with a discontinuity', async () => {
    const stream = await packageStream(encoded)
    const other = await encode({ seconds: 5, rate: 50, gop: 150, size: '128x72', hasAudio: false })
    const packager = stream.attach(other.tracks)
    for (const unit of other.units) packager.write(unit)
    await packager.close()
    const [first, second] = stream.source.segments.slice(4)
    expect(first).toMatchObject({ sequence: 4, discontinuity: 1, isDiscontinuity: true, isIndependent: true })
    expect(second).toMatchObject({ sequence: 5, discontinuity: 1, isDiscontinuity: false })
    expect(first!.init).not.toEqual(stream.source.segments[0]!.init)
    for (const segment of stream.source.segments)
      expect(Math.round(segment.durationSeconds)).toBeLessThanOrEqual(2)
    checkAligned(stream)
    expect(stream.get('audio').segments.map(segment => segment.isGap)).toEqual([
      ...[false, false, false, false],
      ...[true, true, true],
    ])
  })
})
