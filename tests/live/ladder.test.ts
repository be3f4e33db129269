/** The renditions of a broadcast, made by a real ffmpeg: what they are, and what happens when it is hurt or slow. */
import { expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import { type Encoded, encode } from '../hls/encoder.ts'
import { enhancedUnits } from '../support/enhanced-file.ts'
import { processTree } from '../support/process-tree.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { waitFor } from '../support/wait-for.ts'
import { LadderFeed } from './ladder-feed.ts'
import type { LadderReport } from './ladder-program.ts'
import { decodePictures, difference } from './pictures.ts'

const SECONDS = 4
const SIZE = '640x360'
/** A key frame every two seconds, as most encoders send it. */
const plain = await encode({ seconds: SECONDS, size: SIZE, gop: 60, hasAudio: false })
const withBFrames = await encode({
  seconds: SECONDS,
  size: SIZE,
  gop: 60,
  hasAudio: false,
  video: ['-preset', 'veryfast', '-bf', '3', '-b_strategy', '0'],
})
function keyTimes(units: readonly AccessUnit[]): number[] {
  return units.filter(unit => unit.isKey).map(unit => unit.pts)
}

async function enhanced(video: 'hevc' | 'av1'): Promise<Encoded> {
  const { tracks, units } = await enhancedUnits({ video, audio: undefined, size: SIZE, gop: 60 })
  const end = SECONDS * 90_000
  return { tracks: { video: tracks[0] as VideoTrack }, units: units.filter(unit => unit.dts < end) }
}

const sources = {
  'H.264': plain,
  'H.264 with B-frames': withBFrames,
  'HEVC with B-frames': await enhanced('hevc'),
  AV1: await enhanced('av1'),
}

for (const [name, encoded] of Object.entries(sources))
  test(`${name}: every rung shows the source's pictures at the source's times, with its key frames and more`, async () => {
    await using feed = new LadderFeed({ encoded, seconds: SECONDS, ladder: ['720p', '240p', '144p'] })
    expect(feed.rungs).toEqual(['240p', '144p'])
    feed.start()
    await feed.more('240p', 100)
    await feed.more('144p', 10)
    const presented = feed.source.map(({ pts }) => pts).sort((a, b) => a - b)
    const sourceKeys = feed.source.filter(unit => unit.isKey)
    for (const { name: rendition, width, height } of feed.broadcast.rungs) {
      const units = feed.made.get(rendition)!
      const track = units[0]!.track as VideoTrack
      expect(track).toMatchObject({ rendition, width, height, codec: 'h264', maxReorderFrames: 0 })
      expect(track.codecString).toStartWith('avc1.64')
      expect(new Set(units.map(unit => unit.track)).size).toBe(1)
      expect(units.map(({ pts }) => pts)).toEqual(presented.slice(0, units.length))
      for (const [index, unit] of units.entries()) {
        expect(unit.dts).toBeLessThanOrEqual(unit.pts)
        if (index > 0) expect(unit.dts).toBeGreaterThan(units[index - 1]!.dts)
      }
      for (const key of sourceKeys.filter(({ pts }) => pts <= units.at(-1)!.pts))
        expect(units.find(({ pts }) => pts === key.pts)).toMatchObject({ isKey: true, dts: key.dts })
      const keys = keyTimes(units)
      const apart = keys.slice(1).map((pts, index) => (pts - keys[index]!) / 90_000)
      expect(Math.max(...apart)).toBeLessThanOrEqual(rendition === '144p' ? 0.51 : 1.01)
    }
    const [, lowest] = feed.broadcast.rungs
    const units = feed.made.get(lowest!.name)!.slice(0, 60)
    const bits = units.reduce((sum, unit) => sum + unit.data.byteLength * 8, 0)
    expect(bits / 2).toBeLessThan(lowest!.bitrateBps)
    if (encoded.tracks.video.codec !== 'h264') return
    const shown = feed.source.slice(0, 60)
    const before = await decodePictures(encoded.tracks.video, shown)
    const after = await decodePictures(units[0]!.track as VideoTrack, units)
    for (const index of [0, 20, 40]) {
      expect(difference(after[index]!, before[index]!)).toBeLessThan(6)
      expect(difference(after[index]!, before[index]!)).toBeLessThan(
        difference(after[index]!, before[index + 3]!),
      )
    }
  }, 30_000)

test('ffmpeg killed and ffmpeg frozen are replaced: no rung is given up, the track stays the same', async () => {
  await using feed = new LadderFeed({
    encoded: plain,
    seconds: SECONDS,
    ladder: ['240p', '144p'],
    timings: { hangMs: 1_500 },
  })
  feed.start()
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    await feed.more('240p', 10)
    const pid = feed.ladder.pid!
    const seen = feed.source.length
    process.kill(pid, signal)
    await waitFor(() => feed.ladder.pid !== undefined && feed.ladder.pid !== pid, {
      message: `another after ${signal}`,
    })
    await feed.more('240p', 10)
    await waitFor(() => !feed.notice('ladder_restarted'), { message: 'the notice to go' })
    expect(processTree(pid)).toEqual([])
    expect(feed.source.length).toBeGreaterThan(seen)
  }
  expect(feed.notices).toContain('ladder_restarted')
  expect(feed.notices).not.toContain('ladder_shed')
  expect(feed.rungs).toEqual(['240p', '144p'])
  expect(feed.ladders.statistics).toMatchObject({ restarts: 2, shed: 0, rungs: 2 })
  const units = feed.made.get('240p')!
  expect(new Set(units.map(unit => unit.track)).size).toBe(1)
  for (const [index, unit] of units.slice(1).entries()) expect(unit.dts).toBeGreaterThan(units[index]!.dts)
}, 40_000)

/** A machine whose ffmpeg is `script`, and a ladder there. `$FFMPEG`: the real one; `$0.fast`: a file that `relieve` makes. */
async function openElsewhere(script: string, ladder: string, timings: object = {}) {
  const folder = await tempFolder()
  const stub = join(folder.path, 'ffmpeg')
  // Only what reads a pipe is the ladder's; the source is encoded before.
  const real = `FFMPEG=${Bun.which('ffmpeg')}\ncase "$*" in *pipe:0*) ;; *) exec $FFMPEG "$@";; esac`
  await writeFile(stub, `#!/bin/sh\n${real}\n${script}\n`, { mode: 0o755 })
  const program = join(import.meta.dir, 'ladder-program.ts')
  const child = Bun.spawn([process.execPath, program, ladder, JSON.stringify(timings)], {
    env: { ...process.env, PATH: `${folder.path}:${process.env['PATH']}` },
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  let last: LadderReport | undefined
  const reading = (async () => {
    for await (const line of readLines(child.stdout)) last = JSON.parse(line)
  })()
  return {
    until: (message: string, isSo: (report: LadderReport) => boolean) =>
      waitFor(() => last && isSo(last) && last, { message, timeoutMs: 25_000 }),
    relieve: () => writeFile(`${stub}.fast`, ''),
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await Promise.all([reading, child.exited])
      await folder.remove()
    },
  }
}

async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop()!
    yield* lines
  }
}

const impatient = { behindMs: 400, behindForMs: 400 }

test('too slow for three rungs: the best go one by one, the lowest stays, and the streamer is told', async () => {
  await using ladder = await openElsewhere(
    'case "$*" in *pipe:3*) slow="-readrate 0.4";; esac\nexec $FFMPEG $slow "$@"',
    '240p,180p,144p',
    impatient,
  )
  expect((await ladder.until('the best to go', ({ rungs }) => rungs.length < 3)).rungs).toEqual([
    '180p',
    '144p',
  ])
  const alone = await ladder.until('the next to go', ({ rungs }) => rungs.length < 2)
  expect(alone.rungs).toEqual(['144p'])
  expect(alone.notice).toContain('240p, 180p is off for now and 144p and your own quality go on')
  expect(alone.notice).toContain('in OBS: Settings → Video')
  const before = alone.made['144p']!
  const after = await ladder.until(
    'the lowest to come in time',
    ({ made, statistics }) => made['144p']! > before + 90 && statistics.maxLagMs < 400,
  )
  expect(after).toMatchObject({ rungs: ['144p'], isInOrder: true, statistics: { restarts: 0, shed: 2 } })
}, 60_000)

test('too slow for any: the source goes on alone, and when there is calm the rungs come back', async () => {
  await using ladder = await openElsewhere(
    '[ -e "$0.fast" ] || slow="-readrate 0.3"\nexec $FFMPEG $slow "$@"',
    '240p,144p',
    { ...impatient, retryMs: 2_000 },
  )
  const bare = await ladder.until('every rung to go', ({ rungs }) => rungs.length === 0)
  expect(bare.notice).toContain('only your own quality goes on')
  expect(bare.isRunning).toBe(false)
  await ladder.relieve()
  const { written } = bare
  const first = await ladder.until('the cheapest to come back', ({ rungs }) => rungs.length > 0)
  expect(first.rungs).toEqual(['144p'])
  expect(first.written).toBeGreaterThan(written)
  const whole = await ladder.until('the other to come back', ({ rungs }) => rungs.length > 1)
  expect(whole.notice).toBeUndefined()
  await ladder.until('pictures of both', ({ made }) =>
    ['240p', '144p'].every(name => made[name]! > (whole.made[name] ?? 0) + 30),
  )
}, 80_000)

test('an ffmpeg that always ends costs all rungs, never the source', async () => {
  await using ladder = await openElsewhere('echo no such codec >&2; exit 1', '240p,144p')
  const bare = await ladder.until('every rung to go', ({ rungs }) => rungs.length === 0)
  expect(bare.statistics).toMatchObject({ restarts: 3, shed: 2 })
  expect(bare.notice).toBeDefined()
  await ladder.until('the source to go on', ({ written }) => written > bare.written + 10)
}, 40_000)

test('close leaves no process, twice, and counts go on', async () => {
  await using feed = new LadderFeed({ encoded: plain, seconds: SECONDS, ladder: ['240p'] })
  feed.start()
  await feed.more('240p', 5)
  const pid = feed.ladder.pid!
  await Promise.all([feed.ladder.close(), feed.ladder.close()])
  expect(processTree(pid)).toEqual([])
  expect(feed.ladders.statistics).toMatchObject({ rungs: 0, usedPixelsPerSecond: 0, restarts: 0 })
}, 20_000)
