/** A broadcast with a ladder for the tests: fed in real time, round and round, and watched. */
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import { Broadcast } from '../../src/live/broadcast.ts'
import type { Ladder, LadderTimings } from '../../src/live/ladder.ts'
import { Ladders } from '../../src/live/ladders.ts'
import { createLog } from '../../src/log.ts'
import type { Encoded } from '../hls/encoder.ts'
import { waitFor } from '../support/wait-for.ts'

export class LadderFeed implements AsyncDisposable {
  readonly ladders: Ladders
  readonly ladder: Ladder
  readonly broadcast: Broadcast
  /** What was written, and what the sinks saw of each rendition. */
  readonly source: AccessUnit[] = []
  readonly made = new Map<string, AccessUnit[]>()
  /** Every set of notices that was shown, as codes. */
  readonly notices = new Set<string>()
  readonly #input: readonly AccessUnit[]
  readonly #seconds: number
  #timer: ReturnType<typeof setInterval> | undefined

  /** `seconds`: how long `encoded` is. */
  constructor(options: {
    encoded: Encoded
    seconds: number
    ladder: readonly string[]
    timings?: Partial<LadderTimings>
  }) {
    const { encoded, seconds, ladder, timings = {} } = options
    const log = createLog('silent')
    this.#input = encoded.units.filter(unit => unit.track.kind === 'video')
    this.#seconds = seconds
    this.broadcast = new Broadcast({ tracks: encoded.tracks, log })
    this.ladders = new Ladders({ ladder, cores: 2, log, timings })
    this.ladder = this.ladders.open(this.broadcast)!
    this.broadcast.addSink(this.ladder)
    this.broadcast.addSink({ write: unit => this.#see(unit), close: async () => {} })
  }

  get rungs(): string[] {
    return this.broadcast.rungs.map(({ name }) => name)
  }

  start(): void {
    const startedAt = performance.now()
    const first = this.source.length
    const perMs = this.#input.length / this.#seconds / 1000
    this.#timer = setInterval(() => {
      const due = first + (performance.now() - startedAt) * perMs
      while (this.source.length < due) this.broadcast.write(this.#next())
      for (const { code } of this.broadcast.health().notices) this.notices.add(code)
    }, 10)
  }

  /** Resolves when so many more pictures of the rendition have come. */
  async more(rendition: string, count: number, timeoutMs = 20_000): Promise<void> {
    const wanted = (this.made.get(rendition)?.length ?? 0) + count
    const message = `${count} more pictures of ${rendition}`
    await waitFor(() => (this.made.get(rendition)?.length ?? 0) >= wanted, {
      message,
      timeoutMs,
      intervalMs: 10,
    })
  }

  notice(code: string): string | undefined {
    return this.broadcast.health().notices.find(notice => notice.code === code)?.message
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.broadcast.close()
  }

  #next(): AccessUnit {
    const unit = this.#input[this.source.length % this.#input.length]!
    const round = Math.floor(this.source.length / this.#input.length) * this.#seconds * 90_000
    const next = { ...unit, dts: unit.dts + round, pts: unit.pts + round }
    this.source.push(next)
    return next
  }

  #see(unit: AccessUnit): void {
    const { rendition } = unit.track as VideoTrack
    if (!rendition) return
    const units = this.made.get(rendition) ?? []
    units.push(unit)
    this.made.set(rendition, units)
  }
}
