import { beforeAll, expect, test } from 'bun:test'
import type { AccessUnit, AudioTrack } from '../../media/access-unit.ts'
import { aacTrack, aacTrackOf, openAacRun } from '../../src/live/aac-run.ts'
import { openOpusRun, opusTrack } from '../../src/live/opus-run.ts'
import { Transcoder, type TranscoderRun } from '../../src/live/transcoder.ts'
import { createLog } from '../../src/log.ts'
import { waitFor } from '../support/wait-for.ts'
import { clicksInAac, clicksInOpus, delayed, encodeClicks } from './clicks.ts'

const log = createLog('silent')
const LIP_SYNC_SECONDS = 0.01
/** RFC 6716 3.2.3 asks for two equal halves: 20 ms that no decoder takes. */
const TWO_FRAMES_OF_THREE_BYTES = Uint8Array.of(0xf5, 1, 2, 3)
const CLICKS = [0.5, 1.2, 2.9]

/** What comes out of a run of ffmpeg for `units`, as far as it has when the time stamps reach `untilSeconds`. */
async function transcode(openRun: () => TranscoderRun, units: readonly AccessUnit[], untilSeconds: number) {
  const received: AccessUnit[] = []
  const transcoder = new Transcoder({ name: 'sound', openRun, onUnit: unit => received.push(unit), log })
  for (const unit of units) transcoder.write(unit)
  const isDone = () => (received.at(-1)?.pts ?? 0) >= untilSeconds * 48_000
  await waitFor(isDone, { message: `sound until ${untilSeconds} s` })
  await transcoder.close()
  return received
}

const toAac = (units: readonly AccessUnit[], untilSeconds: number) =>
  transcode(() => openAacRun(opusTrack), units, untilSeconds)

function steps(units: readonly AccessUnit[]): Set<number> {
  return new Set(units.slice(1).map((unit, index) => unit.pts - units[index]!.pts))
}

/** Opus packets of 20 ms with a click at each of `CLICKS`. */
let opus: AccessUnit[] = []
let clicksBefore: number[] = []
beforeAll(async () => {
  const { track, units } = await encodeClicks({
    seconds: 4,
    clicksAt: CLICKS,
    sampleRate: 48_000,
    channels: 2,
  })
  opus = await transcode(() => openOpusRun(track), units, 3.6)
  clicksBefore = await clicksInOpus(opus)
  expect(clicksBefore).toHaveLength(3)
})

function expectInStep(heard: readonly number[], expected: readonly number[]): void {
  expect(heard).toHaveLength(expected.length)
  for (const [index, at] of heard.entries())
    expect(Math.abs(at - expected[index]!)).toBeLessThan(LIP_SYNC_SECONDS)
}

test('every click is heard when an Opus player hears it, a day into the stream too', async () => {
  const day = 86_400
  const units = await toAac(delayed(opus, day), day + 3.3)
  expectInStep(
    await clicksInAac({ track: aacTrack, units }),
    clicksBefore.map(at => at + day),
  )
})

test('units are raw AAC-LC frames of 1024 samples, from the first sound on', async () => {
  const units = await toAac(opus, 3)
  expect(aacTrack).toMatchObject({ codec: 'aac', codecString: 'mp4a.40.2', channels: 2, sampleRate: 48_000 })
  expect(steps(units)).toEqual(new Set([1024]))
  // The frame in which the encoder primes itself is before the first sample.
  expect(units[0]).toMatchObject({ pts: opus[0]!.pts - 1024, isKey: true, track: aacTrack })
  for (const { data } of units) expect(data[0]).not.toBe(0xff)
})

test('a further sound keeps its number and language', async () => {
  const target = aacTrackOf({ ...opusTrack, trackId: 2, language: 'de' })
  expect(target).toEqual({ ...aacTrack, trackId: 2, language: 'de' })
  const units = await transcode(() => openAacRun(opusTrack, target), opus, 0.5)
  for (const unit of units) expect(unit.track).toBe(target)
})

test('a gap in the sound moves the time stamps by as much, and lips match behind it', async () => {
  const half = opus.findIndex(unit => unit.pts > 2 * 48_000)
  const units = await toAac([...opus.slice(0, half), ...delayed(opus.slice(half), 7)], 10.3)
  expect([...steps(units)].filter(step => step !== 1024)).toHaveLength(1)
  const jump = units.findIndex((unit, index) => index > 0 && unit.pts - units[index - 1]!.pts !== 1024)
  // Around the jump each side is decoded by its own time stamps.
  const sides = [
    units.slice(0, jump),
    units.slice(jump - 2).map((unit, index) => (index < 2 ? inStep(unit) : unit)),
  ]
  const heard: number[] = []
  for (const side of sides) heard.push(...(await clicksInAac({ track: aacTrack, units: side })))
  expectInStep(heard, [...clicksBefore.slice(0, 2), clicksBefore[2]! + 7])

  function inStep(unit: AccessUnit): AccessUnit {
    const pts = units[jump]!.pts - 1024 * (jump - units.indexOf(unit))
    return { ...unit, dts: pts, pts }
  }
})

test('packets that ffmpeg cannot decode become silence, and what follows keeps its time', async () => {
  const broken = opus.map((unit, index) =>
    index % 40 === 39 ? { ...unit, data: TWO_FRAMES_OF_THREE_BYTES } : unit,
  )
  const isBroken = broken.filter((unit, index) => unit !== opus[index])
  expect(isBroken.length).toBeGreaterThan(3)
  const units = await toAac(broken, 3.3)
  expectInStep(await clicksInAac({ track: aacTrack, units }), clicksBefore)
})

test('packets of any length are counted', async () => {
  // Two packets of 20 ms in one: the same frames behind another first byte (RFC 6716 3.2.3).
  const pairs: AccessUnit[] = []
  for (let index = 0; index + 1 < opus.length; index += 2) {
    const [first, second] = [opus[index]!, opus[index + 1]!]
    const data = Buffer.concat([
      Uint8Array.of((first.data[0]! & 0xfc) | 1),
      first.data.slice(1),
      second.data.slice(1),
    ])
    pairs.push({ ...first, data })
  }
  const units = await toAac(pairs, 3.3)
  expectInStep(await clicksInAac({ track: aacTrack, units }), clicksBefore)
})

test('what ffmpeg writes may come in any pieces', () => {
  const frame = (size: number) => {
    const bytes = new Uint8Array(size).fill(0x11)
    bytes.set([0xff, 0xf1, 0x4c, 0x80 | (size >> 11), (size >> 3) & 0xff, ((size & 7) << 5) | 0x1f, 0xfc])
    return bytes
  }
  const sizes = [8, 300, 2_500, 9, 700]
  const written = Buffer.concat(sizes.map(frame))
  for (const size of [1, 6, 7, 8, 301, 10_000]) {
    const run = openAacRun(opusTrack as AudioTrack)
    run.encode(opus[0]!)
    const units: AccessUnit[] = []
    for (let at = 0; at < written.length; at += size)
      units.push(...run.decode(written.subarray(at, at + size)))
    expect(units.map(unit => unit.data.byteLength)).toEqual(sizes.map(each => each - 7))
  }
})
