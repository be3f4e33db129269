/** Glass-to-glass delay: a clock burnt into the picture, read back where a viewer sees it. */
import { publish } from '../support/publisher.ts'
import { type ClockSummary, distributionOf, summarizeClock } from '../support/statistics.ts'
import { publisherDelaysMs } from './encoder-delay.ts'
import { readWithFfmpeg } from './ffmpeg-reader.ts'
import type { Way } from './measures.ts'
import { BUSY_PERCENT_FOR_DELAYS, observe, type Run } from './run.ts'
import type { StreamAddresses } from './systems/system.ts'
import { browserWays, openViewer } from './viewer.ts'

/** Jitter buffers, clocks and HLS players need some seconds until they are where they stay. */
const SETTLING_MS = 8_000
const withBFrames = { stamped: true, bFrames: 2 }

/** Every way of watching, one after the other, from one publisher without B-frames; then, re-encoded, one with. */
export async function measureDelays(run: Run): Promise<void> {
  await measurePassthrough(run)
  if (run.system.reencodes) await measureReencoded(run)
}

async function measurePassthrough(run: Run): Promise<void> {
  const stream = await run.system.newStream()
  await using publisher = await publish(stream.publish, { stamped: true })
  for (const way of browserWays(stream)) {
    await using viewer = (await openViewer(run, stream, way)).page
    await viewer.playing()
    await Bun.sleep(SETTLING_MS)
    const { value, doubts } = await observe(
      run,
      { busyPercent: BUSY_PERCENT_FOR_DELAYS, publishers: [publisher] },
      () => viewer.readClock(run.settings.seconds),
    )
    report(run, way, value, doubts)
  }
  if (stream.ffmpeg) {
    const { seconds } = run.settings
    const { value, doubts } = await observe(
      run,
      { busyPercent: BUSY_PERCENT_FOR_DELAYS, publishers: [publisher] },
      () => readWithFfmpeg(stream.ffmpeg!, seconds * 1000 + SETTLING_MS),
    )
    const start = (value[0]?.atMs ?? 0) + SETTLING_MS
    report(run, 'ffmpeg', summarizeClock(value.filter(sample => sample.atMs >= start)), doubts)
  }
}

/**
 * A frame cannot be shown before the publisher's encoder has let go of it and of those before it, and an encoder with
 * B-frames holds them for long. That part is measured by itself, at the encoder's output, and subtracted.
 */
async function measureReencoded(run: Run): Promise<void> {
  const encoderMs = distributionOf(await publisherDelaysMs(withBFrames, run.settings.seconds / 4)).p50
  const stream: StreamAddresses = await run.system.newStream()
  await using publisher = await publish(stream.publish, withBFrames)
  await using viewer = (await openViewer(run, stream, 'webrtc')).page
  await viewer.playing()
  await Bun.sleep(SETTLING_MS)
  const { value, doubts } = await observe(
    run,
    { busyPercent: BUSY_PERCENT_FOR_DELAYS, publishers: [publisher] },
    () => viewer.readClock(run.settings.seconds),
  )
  const add = (name: string, ms: number) =>
    run.report.add(run.system.name, `delay.reencoded.${name}`, ms, doubts)
  add('p50', value.delayMs.p50)
  add('p95', value.delayMs.p95)
  add('encoder', encoderMs)
  add('added', value.delayMs.p50 - encoderMs)
}

function report(run: Run, way: Way, summary: ClockSummary, doubts: readonly string[]): void {
  const add = (name: string, value: number) =>
    run.report.add(run.system.name, `delay.${way}.${name}`, value, doubts)
  add('p50', summary.delayMs.p50)
  add('p95', summary.delayMs.p95)
  add('p99', summary.delayMs.p99)
  add('drift', summary.driftMs)
  add('gaps', summary.gapsOver100Ms)
}
