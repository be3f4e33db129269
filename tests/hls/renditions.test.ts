import { beforeAll, describe, expect, test } from 'bun:test'
import type { AccessUnit } from '../../media/access-unit.ts'
import { concatBytes } from '../../media/bytes.ts'
import { readFragments } from '../media/mp4/box-reader.ts'
import { type Encoded, encode } from './encoder.ts'
import { asRung, asSound, inOrderOfArrival, seconds } from './ladder.ts'
import {
  checkAligned,
  checkContinuity,
  decode,
  mediaOf,
  open,
  packageStream,
  samplesOf,
} from './packaging.ts'

describe('renditions beside the source', () => {
  let source: Encoded
  let small: Encoded
  beforeAll(async () => {
    source = await encode({ seconds: 12, video: ['-bf', '2'], size: '320x180', gop: 60 })
    small = await encode({ seconds: 12, video: ['-tune', 'zerolatency'], size: '160x90', gop: 30 })
  }, 60_000)

  test('have the source’s segments, though they come later and without B-frames, and every picture', async () => {
    const rung = asRung(small, '90p', source)
    const units = inOrderOfArrival({ units: source.units }, { units: rung, lateSeconds: 0.9 })
    const stream = await packageStream({ ...source, units })
    checkAligned(stream)
    const { segments } = stream.get('90p')
    expect(segments).toHaveLength(6)
    for (const segment of segments) expect(segment).toMatchObject({ isIndependent: true, isGap: false })
    expect(segments.map(segment => segment.frameCount)).toEqual([60, 60, 60, 60, 60, 60])
    expect(samplesOf(segments)[60]!.pts).toBe(samplesOf(stream.source.segments)[60]!.pts)
    await decode(concatBytes([segments[0]!.init!, mediaOf(segments)]))
  })

  test('at half the frame rate keep the promises of the source’s parts', async () => {
    const slow = asRung(
      await encode({ seconds: 12, rate: 15, size: '160x90', gop: 15, video: ['-tune', 'zerolatency'] }),
      '90p',
      source,
    )
    const stream = await packageStream({
      ...source,
      units: inOrderOfArrival({ units: source.units }, { units: slow, lateSeconds: 0.2 }),
    })
    checkAligned(stream)
    expect(stream.get('90p').segments.every(segment => segment.frameCount === 30)).toBe(true)
  })

  test('never delay the source, and go on with gaps where they stop, then with pictures from a key frame', async () => {
    const rung = asRung(small, '90p', source)
    const isAway = (unit: AccessUnit) => seconds(unit) > 3.5 && seconds(unit) < 8.5
    const units = inOrderOfArrival(
      { units: source.units },
      { units: rung.filter(unit => !isAway(unit)), lateSeconds: 0.3 },
    )
    const { packager, stream } = open(source.tracks)
    let lag = 0
    for (const unit of units) {
      packager.write(unit)
      if (unit.track !== source.tracks.video || seconds(unit) < 5) continue
      const made = (name: string) =>
        stream.get(name).parts.reduce((sum, part) => sum + part.durationSeconds, 0)
      expect(seconds(unit) - made('source')).toBeLessThan(0.3)
      lag = Math.max(lag, seconds(unit) - made('90p'))
    }
    await packager.close()
    // 6.2.4: a target duration at most.
    expect(lag).toBeWithin(1.4, 2)
    checkAligned(stream)
    const { segments } = stream.get('90p')
    expect(segments.map(segment => segment.isGap)).toEqual([false, false, true, true, false, false])
    // Back with the key frame at 9 s: pictures before it cannot be decoded.
    const back = segments[4]!.parts.find(part => !part.isGap)!
    expect(back.isIndependent).toBe(true)
    await decode(concatBytes([segments[0]!.init!, mediaOf(segments)]))
  })

  test('that begin late begin with a segment of the stream’s number', async () => {
    const rung = asRung(small, '90p', source).filter(unit => seconds(unit) > 3.05)
    const stream = await packageStream({
      ...source,
      units: inOrderOfArrival({ units: source.units }, { units: rung, lateSeconds: 0.5 }),
    })
    checkAligned(stream)
    const { segments } = stream.get('90p')
    expect(segments[0]!).toMatchObject({ sequence: 2, isIndependent: true, isGap: false })
  })

  test('that another encoder goes on with have its init segment from the next segment on', async () => {
    const before = asRung(small, '90p', source).filter(unit => seconds(unit) < 5)
    const after = asRung(
      await encode({ seconds: 12, size: '192x108', gop: 30, video: ['-tune', 'zerolatency'] }),
      '90p',
      source,
    )
    const stream = await packageStream({
      ...source,
      units: inOrderOfArrival(
        { units: source.units },
        { units: [...before, ...after.filter(unit => seconds(unit) > 5)], lateSeconds: 0.5 },
      ),
    })
    checkAligned(stream)
    const { segments } = stream.get('90p')
    const inits = [...new Set(segments.map(segment => segment.init!))]
    expect(segments.map(segment => inits.indexOf(segment.init!))).toEqual([0, 0, 0, 1, 1, 1])
    await decode(concatBytes([inits[0]!, mediaOf(segments.slice(0, 3))]))
    await decode(concatBytes([inits[1]!, mediaOf(segments.slice(3))]))
  })

  test('are kept through a reconnect: with gaps when not fed, and a new one at the same number', async () => {
    const rung = asRung(small, '90p', source)
    const stream = await packageStream({
      ...source,
      units: inOrderOfArrival({ units: source.units }, { units: rung }),
    })
    const commentary = asSound(source, { trackId: 2, language: 'de' })
    const packager = stream.attach({ ...source.tracks, alternateAudio: [commentary.track] })
    const again = inOrderOfArrival({ units: source.units }, { units: commentary.units, lateSeconds: 0.4 })
    for (const unit of again) packager.write(unit)
    await packager.close()
    checkAligned(stream)
    expect(
      stream
        .get('90p')
        .segments.slice(6)
        .every(segment => segment.isGap),
    ).toBe(true)
    expect(stream.get('audio-2').segments[0]).toMatchObject({ sequence: 6, discontinuity: 1, isGap: false })
  })
})

test.each([
  { rate: 24, sampleRate: 44_100 },
  { rate: 25, sampleRate: 48_000 },
  { rate: 50, sampleRate: 22_050 },
  { rate: 60, sampleRate: 96_000 },
])(
  'parts of $rate pictures a second and of sound at $sampleRate Hz fit one target',
  async ({ rate, sampleRate }) => {
    const encoded = await encode({ seconds: 6, rate, size: '64x36', sampleRate })
    const stream = await packageStream(encoded)
    checkAligned(stream)
    for (const part of stream.get('audio').parts) {
      const samples = readFragments(part.data).get(1)!
      const ticks = samples.reduce((sum, sample) => sum + sample.duration, 0)
      expect(part.durationSeconds).toBeCloseTo(ticks / sampleRate, 9)
    }
  },
)

test('sound that stops goes on as silence, and comes back', async () => {
  const source = await encode({ seconds: 12, size: '64x36' })
  const { audio } = source.tracks
  const isAway = (unit: AccessUnit) => unit.track === audio && seconds(unit) > 3 && seconds(unit) < 9
  const stream = await packageStream({ ...source, units: source.units.filter(unit => !isAway(unit)) })
  checkAligned(stream)
  const { segments, parts } = stream.get('audio')
  expect(parts.some(part => part.isGap)).toBe(false)
  const samples = samplesOf(segments)
  const silent = samples.filter(sample => sample.data.byteLength < 10)
  expect((silent.length * 1024) / 48_000).toBeWithin(5.5, 6.5)
  checkContinuity(samples)
  await decode(concatBytes([segments[0]!.init!, mediaOf(segments)]))
})
