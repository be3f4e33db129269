import { expect, test } from 'bun:test'
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import { openH264Run } from '../../src/live/h264-run.ts'
import { Transcoder } from '../../src/live/transcoder.ts'
import { createLog } from '../../src/log.ts'
import { type Encoded, encode } from '../hls/encoder.ts'
import { waitFor } from '../support/wait-for.ts'
import { decodePictures, difference } from './pictures.ts'

const log = createLog('silent')
/** Frames that a decoder may hold back at the end of what it was given. */
const HELD_BACK = 8

async function transcode({ tracks, units: input }: Encoded): Promise<AccessUnit[]> {
  const units: AccessUnit[] = []
  const source = input.filter(unit => unit.track.kind === 'video')
  const transcoder = new Transcoder({
    name: 'h264',
    openRun: () => openH264Run(tracks.video),
    onUnit: unit => units.push(unit),
    log,
  })
  for (const unit of source) transcoder.write(unit)
  await waitFor(() => units.length >= source.length - HELD_BACK, {
    message: 'all pictures',
    timeoutMs: 13_000,
  })
  await transcoder.close()
  return units
}

function inMs(units: readonly AccessUnit[]): number[] {
  return units.map(unit => Math.round(unit.pts / 90))
}

const B_FRAMES = ['-preset', 'veryfast', '-bf', '3', '-b_strategy', '0']
const sources: { name: string; options: Parameters<typeof encode>[0] }[] = [
  { name: 'B-frames', options: { seconds: 4, video: B_FRAMES } },
  { name: 'B-frames and a key frame every four seconds', options: { seconds: 6, gop: 120, video: B_FRAMES } },
  { name: 'B-frames at 60 frames a second', options: { seconds: 3, rate: 60, video: B_FRAMES } },
  {
    name: '10-bit 4:2:2',
    options: { seconds: 3, video: ['-pix_fmt', 'yuv422p10le', '-profile:v', 'high422'] },
  },
  {
    name: '4:4:4',
    options: { seconds: 3, video: ['-pix_fmt', 'yuv444p', '-profile:v', 'high444', '-qp', '20'] },
  },
]

for (const { name, options } of sources)
  test(`${name}: every frame comes out at its time, decodable by browsers, with a key frame a second`, async () => {
    const encoded = await encode({ ...options, hasAudio: false })
    const { chroma, bitDepth, maxReorderFrames } = encoded.tracks.video
    expect([chroma, bitDepth, maxReorderFrames]).not.toEqual(['4:2:0', 8, 0])
    // A stream that has been on for a day.
    const day = 24 * 3600 * 90_000
    const later = encoded.units.map(unit => ({ ...unit, dts: unit.dts + day, pts: unit.pts + day }))
    const units = await transcode({ ...encoded, units: later })
    const presented = inMs(later).sort((a, b) => a - b)
    expect(inMs(units)).toEqual(presented.slice(0, units.length))
    for (const unit of units) expect(unit.dts).toBe(unit.pts)
    expect(units[0]!.isKey).toBe(true)
    const track = units[0]!.track as VideoTrack
    expect(track).toMatchObject({
      chroma: '4:2:0',
      bitDepth: 8,
      width: 320,
      height: 180,
      maxReorderFrames: 0,
    })
    const keys = inMs(units.filter(unit => unit.isKey))
    for (const [index, at] of keys.entries()) expect(Math.abs(at - keys[0]! - index * 1000)).toBeLessThan(50)
    expect(keys.length).toBe(Math.ceil((inMs(units).at(-1)! - keys[0]!) / 1000))
  })

test('a publisher that showed nothing for a minute: the pictures behind it are at their times too', async () => {
  const encoded = await encode({ seconds: 4, hasAudio: false, video: B_FRAMES })
  const end = 2 * 90_000
  const paused = encoded.units.map(unit =>
    unit.dts < end ? unit : { ...unit, dts: unit.dts + 30 * end, pts: unit.pts + 30 * end },
  )
  const units = await transcode({ ...encoded, units: paused })
  const presented = inMs(paused).sort((a, b) => a - b)
  expect(inMs(units)).toEqual(presented.slice(0, units.length))
})

test('each picture shows the frame of the source with its time', async () => {
  const encoded = await encode({ seconds: 2, hasAudio: false, video: B_FRAMES })
  const units = await transcode(encoded)
  const before = await decodePictures(encoded.tracks.video, encoded.units)
  const after = await decodePictures(units[0]!.track as VideoTrack, units)
  expect(after.length).toBe(units.length)
  for (const [index, picture] of after.entries()) {
    const nearest = [-1, 0, 1].map(step =>
      difference(picture, before[index + step] ?? new Uint8Array(64 * 36)),
    )
    expect(Math.min(...nearest)).toBe(nearest[1]!)
  }
})

test('a picture larger than 1080 lines is made smaller, in its shape', async () => {
  const encoded = await encode({ seconds: 0.5, rate: 10, size: '2560x1440', gop: 5, hasAudio: false })
  const units: AccessUnit[] = []
  const transcoder = new Transcoder({
    name: 'h264',
    openRun: () => openH264Run(encoded.tracks.video),
    onUnit: unit => units.push(unit),
    log,
  })
  for (const unit of encoded.units) transcoder.write(unit)
  await waitFor(() => units.length > 0, { message: 'a picture' })
  await transcoder.close()
  expect(units[0]!.track).toMatchObject({ width: 1920, height: 1080 })
})
