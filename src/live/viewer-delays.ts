/** How far viewers are behind the camera: the latest figure of each one who reports, as quantiles by stream and protocol. */

export type DelayProtocol = 'webrtc' | 'hls'

export interface DelaySummary {
  readonly p50Ms: number
  readonly p95Ms: number
  /** How many viewers have told lately. */
  readonly viewers: number
}

/** A protocol without viewers who tell is left out. */
export type Delays = Partial<Record<DelayProtocol, DelaySummary>>

export interface DelayReport {
  /** The player's own, unguessable by others. */
  readonly viewerId: string
  readonly protocol: DelayProtocol
  /** From the camera to the screen. */
  readonly delayMs: number
}

interface Sample {
  readonly protocol: DelayProtocol
  readonly delayMs: number
  readonly at: number
}

/** A viewer who has not told for so long is gone; players tell every ten seconds. */
const SAMPLE_LIFE_MS = 30_000
/** The latest so many of a stream stand for all of its viewers. */
const MAX_VIEWERS = 2_000
const MAX_DELAY_MS = 120_000

export class ViewerDelays {
  readonly #now: () => number
  readonly #maxViewers: number
  /** By stream id and viewer id, both in the order of their latest report: what has expired stands first. */
  readonly #streams = new Map<string, { viewers: Map<string, Sample>; latestAt: number }>()

  /** `now`: milliseconds, never going back. `maxViewers`: of one stream, remembered at once. */
  constructor(options: { now?: () => number; maxViewers?: number } = {}) {
    this.#now = options.now ?? (() => performance.now())
    this.#maxViewers = options.maxViewers ?? MAX_VIEWERS
  }

  /** Streams of which something is remembered. */
  get size(): number {
    this.#forgetSilent()
    return this.#streams.size
  }

  /** Replaces what the viewer told before. `delayMs` outside of 0 to 120,000 is no delay and is left out: false. */
  report(streamId: string, { viewerId, protocol, delayMs }: DelayReport): boolean {
    if (!(delayMs >= 0 && delayMs <= MAX_DELAY_MS)) return false
    this.#forgetSilent()
    const now = this.#now()
    const viewers = this.#streams.get(streamId)?.viewers ?? new Map<string, Sample>()
    // Out and in again: the order is that of the reports.
    this.#streams.delete(streamId)
    this.#streams.set(streamId, { viewers, latestAt: now })
    viewers.delete(viewerId)
    viewers.set(viewerId, { protocol, delayMs, at: now })
    if (viewers.size > this.#maxViewers) viewers.delete(first(viewers)!)
    return true
  }

  /** Over the viewers of these streams who have told in the last 30 s. */
  of(streamIds: readonly string[]): Delays {
    const since = this.#now() - SAMPLE_LIFE_MS
    const delays: Record<DelayProtocol, number[]> = { webrtc: [], hls: [] }
    for (const id of streamIds)
      for (const { protocol, delayMs, at } of this.#streams.get(id)?.viewers.values() ?? [])
        if (at > since) delays[protocol].push(delayMs)
    const webrtc = summarize(delays.webrtc)
    const hls = summarize(delays.hls)
    return { ...(webrtc && { webrtc }), ...(hls && { hls }) }
  }

  /** A stream nobody tells of any more, because it has ended or is not watched, costs nothing. */
  #forgetSilent(): void {
    const since = this.#now() - SAMPLE_LIFE_MS
    for (const [streamId, { latestAt }] of this.#streams) {
      if (latestAt > since) return
      this.#streams.delete(streamId)
    }
  }
}

function first<T>(map: ReadonlyMap<T, unknown>): T | undefined {
  const [key] = map.keys()
  return key
}

/** By nearest rank. */
function summarize(delaysMs: readonly number[]): DelaySummary | undefined {
  if (delaysMs.length === 0) return undefined
  const sorted = Float64Array.from(delaysMs).sort()
  const at = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1]!)
  return { p50Ms: at(0.5), p95Ms: at(0.95), viewers: sorted.length }
}
