/** Glass-to-glass delay: a clock burnt into the picture, read back where a viewer sees it. */
import { type Publisher, publish } from '../support/publisher.ts'
import { type ClockSample, type ClockSummary, distributionOf, summarizeClock } from '../support/statistics.ts'
import { publisherDelaysMs } from './encoder-delay.ts'
import { readWithFfmpeg } from './ffmpeg-reader.ts'
import type { Way } from './measures.ts'
import { BUSY_PERCENT_FOR_DELAYS, forEachOf, observe, type Run } from './run.ts'
import type { StreamAddresses } from './systems/system.ts'
import { browserWays, openViewer } from './viewer.ts'

/** Jitter buffers, clocks and HLS players need some seconds until they are where they stay. */
const SETTLING_MS = 8_000
/** hls.js stays as far behind as it began, by when in a part it came: so several come, for a share of the time each. */
const HLS_JOINS = 6
const withBFrames = { stamped: true, bFrames: 2 }

/** Every way of watching, one after the other, from one publisher without B-frames; then, re-encoded, one with. */
export async function measureDelays(run: Run): Promise<void> {
  const kinds = run.system.reencodes ? (['passthrough', 'reencoded'] as const) : (['passthrough'] as const)
  await forEachOf(kinds, kind => (kind === 'passthrough' ? measurePassthrough(run) : measureReencoded(run)))
}

async function measurePassthrough(run: Run): Promise<void> {
  const stream = await run.system.newStream()
  await using publisher = await publish(stream.publish, { stamped: true })
  const ways: readonly Way[] = [...browserWays(stream), ...(stream.ffmpeg ? (['ffmpeg'] as const) : [])]
  await forEachOf(ways, async way => {
    const summary =
      way === 'ffmpeg' ? readInFfmpeg(run, publisher, stream) : readInBrowser(run, publisher, stream, way)
    const { value, doubts } = await summary
    const add = (name: string, figure: number) =>
      run.report.add(run.system.name, `delay.${way}.${name}`, figure, doubts)
    add('p50', value.delayMs.p50)
    add('p95', value.delayMs.p95)
    add('p99', value.delayMs.p99)
    if (way === 'hls') return
    add('drift', value.driftMs)
    add('gaps', value.gapsOver100Ms)
  })
}

interface Reading {
  readonly value: ClockSummary
  readonly doubts: readonly string[]
}

async function readInBrowser(
  run: Run,
  publisher: Publisher,
  stream: StreamAddresses,
  way: Exclude<Way, 'ffmpeg'>,
): Promise<Reading> {
  const joins = way === 'hls' ? HLS_JOINS : 1
  const options = { busyPercent: BUSY_PERCENT_FOR_DELAYS, publishers: [publisher] }
  const samples: ClockSample[] = []
  const doubts = new Set<string>()
  for (let join = 0; join < joins; join++) {
    await using viewer = (await openViewer(run, stream, way)).page
    await viewer.playing()
    await Bun.sleep(SETTLING_MS)
    const read = await observe(run, options, () => viewer.readSamples(run.settings.seconds / joins))
    samples.push(...read.value)
    for (const doubt of read.doubts) doubts.add(doubt)
  }
  return { value: summarizeClock(samples), doubts: [...doubts] }
}

async function readInFfmpeg(run: Run, publisher: Publisher, stream: StreamAddresses): Promise<Reading> {
  const options = { busyPercent: BUSY_PERCENT_FOR_DELAYS, publishers: [publisher] }
  const { value, doubts } = await observe(run, options, () =>
    readWithFfmpeg(stream.ffmpeg!, run.settings.seconds * 1000 + SETTLING_MS),
  )
  const settledAt = value[0]!.atMs + SETTLING_MS
  return { value: summarizeClock(value.filter(sample => sample.atMs >= settledAt)), doubts }
}

/**
 * A frame cannot be shown before the publisher's encoder has let go of it and of those before it, and an encoder with
 * B-frames holds them for long. That part is measured by itself, at the encoder's output, and subtracted.
 */
async function measureReencoded(run: Run): Promise<void> {
  const encoderMs = distributionOf(await publisherDelaysMs(withBFrames, run.settings.seconds / 4)).p50
  const stream = await run.system.newStream()
  await using publisher = await publish(stream.publish, withBFrames)
  const { value, doubts } = await readInBrowser(run, publisher, stream, 'webrtc')
  const add = (name: string, ms: number) =>
    run.report.add(run.system.name, `delay.reencoded.${name}`, ms, doubts)
  add('p50', value.delayMs.p50)
  add('p95', value.delayMs.p95)
  add('encoder', encoderMs)
  add('added', value.delayMs.p50 - encoderMs)
}
