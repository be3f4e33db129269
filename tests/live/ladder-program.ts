/** A program for a test that chooses the ffmpeg it finds: feeds a ladder and says how it is, as JSON lines. */
import { encode } from '../hls/encoder.ts'
import { LadderFeed } from './ladder-feed.ts'

/** One line of it. */
export interface LadderReport {
  readonly rungs: readonly string[]
  readonly notice: string | undefined
  readonly isRunning: boolean
  /** Pictures written, and made of each rendition. */
  readonly written: number
  readonly made: Readonly<Record<string, number>>
  readonly isInOrder: boolean
  readonly statistics: { readonly restarts: number; readonly shed: number; readonly maxLagMs: number }
}

if (import.meta.main) {
  const [ladder = '', timings = '{}'] = process.argv.slice(2)
  const encoded = await encode({ seconds: 4, size: '640x360', gop: 60, hasAudio: false })
  const feed = new LadderFeed({
    encoded,
    seconds: 4,
    ladder: ladder.split(','),
    timings: JSON.parse(timings),
  })
  feed.start()
  setInterval(() => console.log(JSON.stringify(report(feed))), 50)
  for await (const _ of Bun.stdin.stream());
  await feed[Symbol.asyncDispose]()
  process.exit(0)
}

function report(feed: LadderFeed): LadderReport {
  const made = [...feed.made]
  return {
    rungs: feed.rungs,
    notice: feed.notice('ladder_shed'),
    isRunning: feed.ladder.pid !== undefined,
    written: feed.source.length,
    made: Object.fromEntries(made.map(([name, units]) => [name, units.length])),
    isInOrder: made.every(([, units]) =>
      units.every((unit, at) => at === 0 || unit.dts > units[at - 1]!.dts),
    ),
    statistics: feed.ladders.statistics,
  }
}
