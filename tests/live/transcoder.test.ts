import { afterEach, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { AccessUnit } from '../../media/access-unit.ts'
import { openH264Run } from '../../src/live/h264-run.ts'
import { openOpusRun } from '../../src/live/opus-run.ts'
import { Transcoder, type TranscoderOptions } from '../../src/live/transcoder.ts'
import { createLog } from '../../src/log.ts'
import { encode } from '../hls/encoder.ts'
import { processTree } from '../support/process-tree.ts'
import { waitFor } from '../support/wait-for.ts'

const log = createLog('silent')
const encoded = await encode({ seconds: 4, video: ['-bf', '2'] })

/** A lane fed in real time with `encoded`, again and again. */
class Lane {
  readonly units: AccessUnit[] = []
  readonly troubles: (string | undefined)[] = []
  readonly transcoder: Transcoder
  readonly #input: readonly AccessUnit[]
  #written = 0
  #timer: ReturnType<typeof setInterval> | undefined
  onUnit: (unit: AccessUnit) => void = () => {}

  constructor(kind: 'audio' | 'video', options: Partial<TranscoderOptions> = {}) {
    const { video, audio } = encoded.tracks
    this.#input = encoded.units.filter(unit => unit.track.kind === kind)
    this.transcoder = new Transcoder({
      name: kind,
      openRun: () => (kind === 'video' ? openH264Run(video) : openOpusRun(audio!)),
      onUnit: unit => {
        this.units.push(unit)
        this.onUnit(unit)
      },
      onTrouble: trouble => this.troubles.push(trouble?.message),
      log,
      ...options,
    })
  }

  /** The unit at `index` of the endless input. */
  unit(index: number): AccessUnit {
    const unit = this.#input[index % this.#input.length]!
    const round = Math.floor(index / this.#input.length) * 4 * unit.track.timescale
    return { ...unit, dts: unit.dts + round, pts: unit.pts + round }
  }

  start(): void {
    const startedAt = performance.now()
    const first = this.#written
    const perMs = this.#input.length / 4_000
    this.#timer = setInterval(() => {
      const due = first + (performance.now() - startedAt) * perMs
      while (this.#written < due) this.transcoder.write(this.unit(this.#written++))
    }, 10)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Resolves when `count` more units have come. */
  async more(count: number, message = `${count} more units`): Promise<void> {
    const wanted = this.units.length + count
    await waitFor(() => this.units.length >= wanted, { message, intervalMs: 10 })
  }
}

const lanes: Lane[] = []

function lane(...args: ConstructorParameters<typeof Lane>): Lane {
  const made = new Lane(...args)
  lanes.push(made)
  return made
}

afterEach(async () => {
  for (const made of lanes.splice(0)) {
    made.stop()
    if (made.transcoder.pid) signal(made.transcoder.pid, 'SIGCONT')
    await made.transcoder.close()
  }
})

function signal(pid: number, name: NodeJS.Signals): void {
  if (processTree(pid).length > 0) process.kill(pid, name)
}

for (const kind of ['audio', 'video'] as const)
  test(`ffmpeg killed in the ${kind} lane is replaced, and its time line goes on`, async () => {
    const running = lane(kind)
    const { transcoder, units, troubles } = running
    running.start()
    await running.more(10)
    const pid = transcoder.pid!
    process.kill(pid, 'SIGKILL')
    await waitFor(() => troubles.length >= 2, { message: 'trouble and its end' })
    await running.more(20)
    expect(troubles.length).toBe(2)
    expect(troubles[0]).toContain('SIGKILL')
    expect(troubles[1]).toBeUndefined()
    expect(transcoder.pid).not.toBe(pid)
    expect(processTree(pid)).toEqual([])
    const times = units.map(unit => unit.pts / unit.track.timescale)
    for (const [index, at] of times.slice(1).entries()) expect(at).toBeGreaterThan(times[index]!)
    // What came while there was none is missing, and a key unit is the first to come again.
    const gaps = times.slice(1).map((at, index) => at - times[index]!)
    expect(Math.max(...gaps)).toBeLessThan(4)
    expect(units[gaps.indexOf(Math.max(...gaps)) + 1]!.isKey).toBe(true)
  })

test('after its death ffmpeg is started by a key unit only, and what comes before is counted', async () => {
  const running = lane('video')
  const { transcoder, troubles, units } = running
  transcoder.write(running.unit(1))
  expect(transcoder.pid).toBeUndefined()
  expect(transcoder.droppedUnits).toBe(1)
  for (let index = 0; index < 30; index++) transcoder.write(running.unit(index))
  await waitFor(() => units.length > 0, { message: 'a picture' })
  process.kill(transcoder.pid!, 'SIGKILL')
  await waitFor(() => troubles.length === 1, { message: 'the death to be noticed' })
  for (let index = 31; index < 60; index++) transcoder.write(running.unit(index))
  expect(transcoder.pid).toBeUndefined()
  expect(transcoder.droppedUnits).toBe(30)
  // It waits a little before the next start, so that a program that always dies does not eat the machine.
  await waitFor(
    () => {
      transcoder.write(running.unit(60))
      return transcoder.pid
    },
    { message: 'a new ffmpeg' },
  )
})

test('ffmpeg that hangs is noticed and replaced', async () => {
  const running = lane('audio', { hangMs: 400 })
  const { transcoder, troubles } = running
  running.start()
  await running.more(10)
  troubles.splice(0)
  const pid = transcoder.pid!
  process.kill(pid, 'SIGSTOP')
  await waitFor(() => troubles.includes(undefined), { message: 'sound again' })
  expect(troubles[0]).toContain('SIGKILL')
  expect(processTree(pid)).toEqual([])
})

test('a publisher that pauses is no hang', async () => {
  const running = lane('audio', { hangMs: 1_000 })
  const { transcoder, troubles } = running
  running.start()
  await running.more(10)
  const pid = transcoder.pid!
  running.stop()
  await Bun.sleep(2_300)
  running.start()
  await running.more(10)
  expect(transcoder.pid).toBe(pid)
  expect(troubles).toEqual([])
})

test('a run is replaced at a key unit without a gap, and the one before is gone', async () => {
  const running = lane('video')
  const { transcoder, troubles, units } = running
  running.start()
  await running.more(10)
  const pid = transcoder.pid!
  transcoder.replaceAtKeyUnit()
  await waitFor(() => transcoder.pid !== pid, { message: 'another ffmpeg' })
  await running.more(60)
  await waitFor(() => processTree(pid).length === 0, { message: 'the first to end' })
  const times = units.map(unit => Math.round(unit.pts / 90))
  for (const [index, at] of times.slice(1).entries()) {
    expect(at - times[index]!).toBeGreaterThan(0)
    expect(at - times[index]!).toBeLessThan(40)
  }
  expect(troubles).toEqual([])
  expect(transcoder).toMatchObject({ restarts: 0, droppedUnits: 0 })
})

test('after a pause a key unit starts it again', async () => {
  const running = lane('video')
  const { transcoder, troubles } = running
  running.start()
  await running.more(10)
  const pid = transcoder.pid!
  running.stop()
  transcoder.pause()
  expect(transcoder.pid).toBeUndefined()
  await waitFor(() => processTree(pid).length === 0, { message: 'ffmpeg to end' })
  running.start()
  await running.more(60)
  expect(troubles).toEqual([])
})

test('ffmpeg that cannot follow loses whole groups of pictures, and memory stays bounded', async () => {
  const running = lane('video')
  const { transcoder } = running
  running.start()
  await running.more(1)
  running.stop()
  process.kill(transcoder.pid!, 'SIGSTOP')
  const large = { ...running.unit(0), data: new Uint8Array(256 * 1024) }
  const dropped = transcoder.droppedUnits
  for (let index = 0; index < 200; index++) transcoder.write({ ...large, isKey: index % 30 === 0 })
  expect(transcoder.droppedUnits - dropped).toBeGreaterThan(170)
  expect(transcoder.droppedUnits - dropped).toBeLessThan(200)
})

test('a unit that cannot be converted costs its ffmpeg, not the publisher', async () => {
  const broken = { data: new Uint8Array(9_000) }
  const openRun = () => {
    const run = openOpusRun(encoded.tracks.audio!)
    const encode = (unit: AccessUnit) => {
      if (unit.data === broken.data) throw new Error('no frame is so long')
      return run.encode(unit)
    }
    return { ...run, encode }
  }
  const running = lane('audio', { openRun })
  const { transcoder, troubles } = running
  running.start()
  await running.more(5)
  transcoder.write({ ...running.unit(0), ...broken })
  await waitFor(() => troubles.length === 2, { message: 'trouble and its end' })
  await running.more(5)
})

test('an output that fails costs its ffmpeg, which is restarted', async () => {
  const running = lane('audio')
  const { troubles } = running
  let failures = 0
  running.onUnit = () => {
    if (failures++ === 3) throw new Error('the router is gone')
  }
  running.start()
  await waitFor(() => troubles.length >= 2, { message: 'trouble and its end' })
  await running.more(5)
})

test('what ffmpeg says before it ends is told', async () => {
  const refused = {
    args: ['-f', 'nonsense', '-i', 'pipe:0'],
    encode: () => Buffer.alloc(1),
    decode: () => [],
  }
  const running = lane('audio', { openRun: () => refused })
  running.transcoder.write(running.unit(0))
  await waitFor(() => running.troubles.length > 0, { message: 'trouble' })
  expect(running.troubles[0]).toContain("Unknown input format: 'nonsense'")
})

test('close leaves no process, also in the middle of a burst, and can be called twice', async () => {
  for (const kind of ['audio', 'video'] as const) {
    const running = lane(kind)
    const { transcoder, units } = running
    for (let index = 0; index < 60; index++) transcoder.write(running.unit(index))
    const pid = transcoder.pid!
    expect(processTree(pid)).toEqual([pid])
    await Promise.all([transcoder.close(), transcoder.close()])
    await transcoder.close()
    expect(processTree(pid)).toEqual([])
    const before = units.length
    transcoder.write(running.unit(60))
    expect(transcoder.pid).toBeUndefined()
    expect(units.length).toBe(before)
  }
})

test('closed before its first unit, it starts nothing', async () => {
  const running = lane('audio')
  await running.transcoder.close()
  running.transcoder.write(running.unit(0))
  expect(running.transcoder.pid).toBeUndefined()
})

test('ffmpeg that has died already can be closed', async () => {
  const running = lane('audio')
  const { transcoder, units } = running
  for (let index = 0; index < 60; index++) transcoder.write(running.unit(index))
  await waitFor(() => units.length > 0, { message: 'sound' })
  process.kill(transcoder.pid!, 'SIGKILL')
  await transcoder.close()
})

test('without ffmpeg on the machine there is trouble that names it, and the program goes on', async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'without-ffmpeg.ts')], {
    env: { PATH: '/var/empty' },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const text = await new Response(child.stdout).text()
  expect(await child.exited).toBe(0)
  expect(text).toContain('trouble: ')
  expect(text).toContain('ffmpeg')
  expect(text).toEndWith('still running\n')
})
