import { expect, test } from 'bun:test'
import type { AccessUnit } from '../../media/access-unit.ts'
import { openOpusRun } from '../../src/live/opus-run.ts'
import { Transcoder } from '../../src/live/transcoder.ts'
import { createLog } from '../../src/log.ts'
import { waitFor } from '../support/wait-for.ts'
import { clicksInAac, clicksInOpus, delayed, encodeClicks, type Sound } from './clicks.ts'

const log = createLog('silent')
const LIP_SYNC_SECONDS = 0.01

/** What viewers get of `sound`, as far as it has come when its time stamps reach `untilSeconds`. */
async function transcode(sound: Sound, untilSeconds: number): Promise<AccessUnit[]> {
  const units: AccessUnit[] = []
  const transcoder = new Transcoder({
    name: 'opus',
    openRun: () => openOpusRun(sound.track),
    onUnit: unit => units.push(unit),
    log,
  })
  for (const unit of sound.units) transcoder.write(unit)
  const until = untilSeconds * 48_000
  await waitFor(() => (units.at(-1)?.pts ?? 0) >= until, { message: `sound until ${untilSeconds} s` })
  await transcoder.close()
  return units
}

function steps(units: readonly AccessUnit[]): number[] {
  return units.slice(1).map((unit, index) => unit.pts - units[index]!.pts)
}

for (const { name, sampleRate, channels } of [
  { name: '48 kHz stereo', sampleRate: 48_000, channels: 2 },
  { name: '44.1 kHz mono', sampleRate: 44_100, channels: 1 },
  { name: '44.1 kHz stereo', sampleRate: 44_100, channels: 2 },
  { name: '22.05 kHz mono', sampleRate: 22_050, channels: 1 },
])
  test(`${name}: every click is heard when an AAC player hears it`, async () => {
    const clicksAt = [0.5, 1.2, 2.9]
    const sound = await encodeClicks({ seconds: 4, clicksAt, sampleRate, channels })
    const shifted = { ...sound, units: delayed(sound.units, 1000) }
    const [units, expected] = [await transcode(shifted, 1003.2), await clicksInAac(shifted)]
    const heard = await clicksInOpus(units)
    expect(expected.length).toBe(3)
    expect(heard.length).toBe(3)
    for (const [index, at] of heard.entries())
      expect(Math.abs(at - expected[index]!)).toBeLessThan(LIP_SYNC_SECONDS)
  })

for (const sampleRate of [48_000, 44_100])
  test(`${sampleRate} Hz: units are 20 ms, whole and of one size, from the first sound on`, async () => {
    const sound = await encodeClicks({ seconds: 3, clicksAt: [], sampleRate, channels: 2 })
    const units = await transcode(sound, 2.5)
    expect(new Set(steps(units))).toEqual(new Set([960]))
    expect(new Set(units.map(unit => unit.data.byteLength))).toEqual(new Set([320]))
    // The encoder's look-ahead of 2.5 ms is before the first sample.
    expect(units[0]!.pts).toBe(-120)
    expect(units[0]!.track).toMatchObject({
      codec: 'opus',
      sampleRate: 48_000,
      channels: 2,
      samplesPerUnit: 960,
    })
  })

test('a gap in the sound moves the time stamps by as much, and lips match behind it', async () => {
  const sound = await encodeClicks({ seconds: 4, clicksAt: [0.8, 2.5], sampleRate: 48_000, channels: 2 })
  const half = Math.floor(sound.units.length / 2)
  const units = [...sound.units.slice(0, half), ...delayed(sound.units.slice(half), 7)]
  const [first, second] = await clicksInAac(sound)
  const received = await transcode({ ...sound, units }, 10.5)
  const heard = await clicksInOpus(received)
  expect(Math.abs(heard[0]! - first!)).toBeLessThan(LIP_SYNC_SECONDS)
  expect(Math.abs(heard[1]! - (second! + 7))).toBeLessThan(LIP_SYNC_SECONDS)
  const jumps = steps(received).filter(step => step !== 960)
  expect(jumps.length).toBe(1)
  expect(Math.abs(jumps[0]! - 7 * 48_000 - 960)).toBeLessThan(960)
})

test('a lost sound unit is a gap of its length', async () => {
  const sound = await encodeClicks({ seconds: 4, clicksAt: [2.5], sampleRate: 44_100, channels: 2 })
  const units = sound.units.filter((_, index) => index !== 20)
  const [expected] = await clicksInAac(sound)
  const [heard] = await clicksInOpus(await transcode({ ...sound, units }, 3.5))
  expect(Math.abs(heard! - expected!)).toBeLessThan(LIP_SYNC_SECONDS)
})

test('sound units that ffmpeg cannot decode become silence, and what follows keeps its time', async () => {
  const sound = await encodeClicks({ seconds: 4, clicksAt: [0.8, 2.5], sampleRate: 44_100, channels: 2 })
  const units = sound.units.map((unit, index) =>
    [0, 1, 60, 61, 62, 90].includes(index) ? { ...unit, data: new Uint8Array(90).fill(0xa5) } : unit,
  )
  const expected = await clicksInAac(sound)
  const heard = await clicksInOpus(await transcode({ ...sound, units }, 3.2))
  expect(heard.length).toBe(2)
  for (const [index, at] of heard.entries())
    expect(Math.abs(at - expected[index]!)).toBeLessThan(LIP_SYNC_SECONDS)
})

test('what ffmpeg writes may come in any pieces', async () => {
  const sound = await encodeClicks({ seconds: 1, clicksAt: [], sampleRate: 48_000, channels: 2 })
  const written = Buffer.from(Array.from({ length: 320 * 9 + 70 }, (_, index) => index & 0xff))
  for (const size of [1, 7, 319, 320, 321, 1_000]) {
    const run = openOpusRun(sound.track)
    run.encode(sound.units[0]!)
    const units: AccessUnit[] = []
    for (let at = 0; at < written.length; at += size)
      units.push(...run.decode(written.subarray(at, at + size)))
    expect(Buffer.concat(units.map(unit => unit.data))).toEqual(written.subarray(0, 320 * 9))
    expect(units.map(unit => unit.pts)).toEqual(Array.from({ length: 9 }, (_, index) => index * 960 - 120))
  }
})
