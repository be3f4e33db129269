import { beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { concatBytes } from '../../../media/bytes.ts'
import { initSegment } from '../../../media/mp4/init-segment.ts'
import { Movie, piecesOf } from '../../../media/mp4/movie.ts'
import { encodeSampleTable } from '../../../media/mp4/sample-table.ts'
import { type Encoded, encode } from '../../hls/encoder.ts'
import { mediaOf, packageStream, run, Stream } from '../../hls/packaging.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { readBoxes } from './box-reader.ts'
import { movieOf, readMovie } from './stored.ts'

const B_FRAMES = ['-bf', '3', '-b_strategy', '0']
let first: Encoded
let second: Encoded
beforeAll(async () => {
  first = await encode({ seconds: 6, video: B_FRAMES })
  second = await encode({ seconds: 4, size: '426x240', sampleRate: 44_100, video: ['-bf', '0'] })
}, 60_000)

interface ProbedFrame {
  readonly media_type: 'video' | 'audio'
  readonly pts_time: string
  readonly width?: number
}

interface Probed {
  readonly streams: readonly {
    readonly codec_type: string
    readonly nb_read_frames: string
    readonly nb_frames: string
    readonly duration: string
    readonly start_time: string
  }[]
  readonly frames: readonly ProbedFrame[]
}

const NONE = new Uint8Array()

/** Decodes the whole file strictly, and says what ffprobe decoded. */
async function probe(bytes: Uint8Array): Promise<Probed> {
  await using folder = await tempFolder()
  const path = join(folder.path, 'movie.mp4')
  await Bun.write(path, bytes)
  const strictly = ['ffmpeg', '-v', 'error', '-nostdin', '-xerror', '-i', path, '-f', 'null', '-']
  const { stderr } = await run(strictly, NONE)
  // ffmpeg's parser, which only guesses at durations, does not hear of a second sample entry; its decoder does.
  const complaints = stderr.split('\n').filter(line => !/^\[NULL @|^ {4}Last message repeated|^$/.test(line))
  expect(complaints).toEqual([])
  const shown = ['-show_streams', '-count_frames', '-show_frames', '-of', 'json']
  const { stdout } = await run(['ffprobe', '-v', 'error', '-i', path, ...shown], NONE)
  return JSON.parse(stdout)
}

/** The pictures of a file, each as the hash of its pixels. */
async function hashesOf(bytes: Uint8Array): Promise<string[]> {
  await using folder = await tempFolder()
  const path = join(folder.path, 'movie.mp4')
  await Bun.write(path, bytes)
  const output = ['-map', '0:v', '-autoscale', '0', '-fps_mode', 'passthrough', '-f', 'framemd5', '-']
  const { stdout } = await run(['ffmpeg', '-v', 'error', '-nostdin', '-i', path, ...output], NONE)
  const lines = stdout.split('\n').filter(line => line && !line.startsWith('#'))
  return lines.map(line => line.split(',').at(-1)!.trim())
}

function framesOf({ frames }: Probed, kind: ProbedFrame['media_type']): number[] {
  return frames.filter(frame => frame.media_type === kind).map(frame => Number(frame.pts_time))
}

/** The source's segments as HLS has them. */
function mediaFile({ source }: Stream): Uint8Array {
  return concatBytes([source.segments[0]!.init!, mediaOf(source.segments)])
}

test('a stream with B-frames and sound becomes a file with every frame, at its time', async () => {
  const stream = await packageStream(first)
  const probed = await probe(readMovie(movieOf(stream, ['source', 'audio'])))
  const [picture, sound] = probed.streams
  const pictures = framesOf(probed, 'video')
  expect(picture).toMatchObject({ nb_frames: '180', nb_read_frames: '180' })
  expect(Number(picture!.duration)).toBeCloseTo(6, 1)
  expect(Number(picture!.start_time)).toBe(0)
  expect(pictures[0]).toBe(0)
  for (const [index, time] of pictures.entries()) expect(Math.abs(time - index / 30)).toBeLessThan(0.002)
  const heard = stream.get('audio').segments.reduce((sum, segment) => sum + segment.frameCount, 0)
  expect(Number(sound!.nb_frames)).toBe(heard)
  expect(Math.abs(Number(sound!.duration) - 6)).toBeLessThan(0.1)
})

test('a publisher that returns with another size and another sample rate: both tracks go on together', async () => {
  const stream = new Stream()
  for (const { tracks, units } of [first, second]) {
    const packager = stream.attach(tracks)
    for (const unit of units) packager.write(unit)
    await packager.close()
  }
  const file = movieOf(stream, ['source', 'audio'])
  const types = readBoxes(file.header.subarray(0, -8)).filter(box => box.type === 'stsd')
  expect(types.map(box => box.content.getUint32(4))).toEqual([2, 2])
  const probed = await probe(readMovie(file))
  expect(probed.streams[0]!.nb_read_frames).toBe('300')
  const pictures = probed.frames.filter(frame => frame.media_type === 'video')
  expect(pictures.slice(0, 180).every(frame => frame.width === 320)).toBe(true)
  expect(pictures.slice(180).every(frame => frame.width === 426)).toBe(true)
  const halves = await Promise.all([first, second].map(async each => mediaFile(await packageStream(each))))
  const hashes = await Promise.all([readMovie(file), ...halves].map(hashesOf))
  expect(hashes[0]!).toEqual([...hashes[1]!, ...hashes[2]!])
  const change = stream.source.segments
    .slice(
      0,
      stream.source.segments.findIndex(segment => segment.isDiscontinuity),
    )
    .reduce((sum, segment) => sum + segment.durationSeconds, 0)
  expect(Number(pictures[180]!.pts_time)).toBeCloseTo(change, 3)
  const sounds = framesOf(probed, 'audio')
  const late = sounds.filter(time => time > change + 0.5)
  // 44.1 kHz has frames of 23.2 ms, told in ticks of 48 kHz.
  for (const [index, time] of late.slice(1).entries())
    expect(time - late[index]!).toBeCloseTo(1024 / 44_100, 4)
  expect(Math.abs(sounds.at(-1)! - Number(pictures.at(-1)!.pts_time))).toBeLessThan(0.1)
}, 60_000)

test('sound that is missing in the middle comes back at its time', async () => {
  const stream = await packageStream(first)
  const { segments } = stream.get('audio')
  const lost = segments[1]!
  segments[1] = { ...lost, isGap: true }
  const probed = await probe(readMovie(movieOf(stream, ['source', 'audio'])))
  const sounds = framesOf(probed, 'audio')
  const gap = sounds.findIndex((time, index) => (sounds[index + 1] ?? time) - time > 0.1)
  expect(Math.abs(sounds[gap + 1]! - sounds[gap]! - lost.durationSeconds)).toBeLessThan(0.03)
  expect(Math.abs(sounds.at(-1)! - 6)).toBeLessThan(0.1)
})

test('sound that begins late waits for it, and a track without any is left out', async () => {
  const stream = await packageStream(first)
  const { segments } = stream.get('audio')
  segments[0] = { ...segments[0]!, isGap: true }
  const probed = await probe(readMovie(movieOf(stream, ['source', 'audio'])))
  expect(framesOf(probed, 'video')[0]).toBe(0)
  expect(Math.abs(framesOf(probed, 'audio')[0]! - segments[0]!.durationSeconds)).toBeLessThan(0.03)
  for (const [index, segment] of segments.entries()) segments[index] = { ...segment, isGap: true }
  const silent = await probe(readMovie(movieOf(stream, ['source', 'audio'])))
  expect(silent.streams.map(each => each.codec_type)).toEqual(['video'])
})

test('any range of the file is made of the right bytes', async () => {
  const file = movieOf(await packageStream(first), ['source', 'audio'])
  const whole = readMovie(file)
  expect(whole.byteLength).toBe(file.sizeBytes)
  const edges = [0, 1, file.header.byteLength, ...file.parts.map(part => part.start), file.sizeBytes]
  for (const start of edges)
    for (const end of [start, start + 1, start + 5000, file.sizeBytes]) {
      const bounded = Math.min(end, file.sizeBytes)
      expect(Buffer.compare(readMovie(file, start, bounded), whole.subarray(start, bounded))).toBe(0)
    }
})

test('more than 4 GiB: 64-bit offsets and a 64-bit mdat', () => {
  const { video } = first.tracks
  const movie = new Movie<number>([[initSegment([video])]])
  const sizeBytes = 48 * 2 ** 20
  const count = 100
  for (let index = 0; index < count; index++) {
    const sample = { dts: index * 90_000, duration: 90_000, compositionOffset: 0, isKey: true }
    const samples = encodeSampleTable([{ ...sample, offset: 100, size: sizeBytes - 100 }])
    const segments = [{ key: index, sizeBytes, initIndex: 0, samples }]
    movie.add({ startSeconds: index, durationSeconds: 1, isDiscontinuity: false, segments })
  }
  const file = movie.finish()
  const { header } = file
  expect(file.sizeBytes).toBe(header.byteLength + count * sizeBytes)
  const mdat = new DataView(header.buffer, header.byteOffset + header.byteLength - 16)
  expect(mdat.getUint32(0)).toBe(1)
  expect(mdat.getBigUint64(8)).toBe(BigInt(16 + count * sizeBytes))
  const offsets = readBoxes(header.subarray(0, -16)).find(box => box.type === 'co64')!.content
  for (let index = 0; index < count; index++) {
    const at = Number(offsets.getBigUint64(8 + index * 8))
    expect([...piecesOf(file, at, at + 1)]).toEqual([{ key: index, start: 100, end: 101 }])
  }
})

test('four hours of segments make a header of little more than two megabytes', async () => {
  const movie = new Movie<number>([[initSegment([first.tracks.video])]])
  const sample = { duration: 3000, compositionOffset: 0, size: 10_000 }
  for (let index = 0; index < 7200; index++) {
    const infos = Array.from({ length: 60 }, (_, frame) => ({
      ...sample,
      dts: index * 180_000 + frame * 3000,
      isKey: frame === 0,
      offset: 1000 + frame * 10_000,
    }))
    const segments = [{ key: index, sizeBytes: 601_000, initIndex: 0, samples: encodeSampleTable(infos) }]
    movie.add({ startSeconds: index * 2, durationSeconds: 2, isDiscontinuity: false, segments })
  }
  const { header } = movie.finish()
  expect(header.byteLength).toBeLessThan(2_500_000)
})
