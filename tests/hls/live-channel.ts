/** A channel that is live over HLS: real media, a clock that follows it, and requests without a network. */
import { Hls } from '../../src/hls/hls.ts'
import type { HlsLimits } from '../../src/hls/stream.ts'
import { Broadcast } from '../../src/live/broadcast.ts'
import type { Output } from '../../src/live/output.ts'
import { createLog } from '../../src/log.ts'
import { EVERYBODY } from '../support/everybody.ts'
import { type MountedMedia, mountMedia } from '../support/mounted-media.ts'
import type { Encoded } from './encoder.ts'

export const log = createLog('silent')
const START = 1_700_000_000_000
/** Short, so that segments leave the playlist within a test. */
const LISTED_SECONDS = 24

export class LiveChannel {
  now = START
  readonly hls: Hls
  readonly mounted: MountedMedia
  #output: Output | undefined
  #broadcast: Broadcast | undefined
  #encoded: Encoded | undefined
  /** When each unit arrives, in milliseconds of its time line. */
  #arrivals: readonly number[] = []
  #written = 0

  constructor(limits?: Partial<HlsLimits>) {
    this.hls = new Hls({
      ...{ admission: EVERYBODY, log, now: () => this.now },
      limits: { listedSeconds: LISTED_SECONDS, ...limits },
    })
    this.mounted = mountMedia(this.hls.routes)
  }

  /** One with the stream `s1`, which has had `seconds` of `media`. */
  static async live(media: Encoded, seconds: number, limits?: Partial<HlsLimits>): Promise<LiveChannel> {
    const channel = new LiveChannel(limits)
    await channel.open('s1')
    await channel.attach(media)
    channel.feed(seconds)
    return channel
  }

  /** A stream begins, without media yet. */
  async open(id: string): Promise<Output> {
    this.#output = await this.hls.openOutput({ id, channelId: 'c1', slug: 'chan' })
    return this.#output
  }

  /** A publisher connects to the open stream. */
  async attach(encoded: Encoded): Promise<void> {
    await this.#broadcast?.close()
    this.#broadcast = new Broadcast({ tracks: encoded.tracks, log, now: () => this.now })
    this.#broadcast.addSink(this.#output!.attach(this.#broadcast))
    this.#encoded = encoded
    // What comes late stands behind what it came after.
    let latest = 0
    this.#arrivals = encoded.units.map(unit => {
      latest = Math.max(latest, (unit.dts / unit.track.timescale) * 1000)
      return latest
    })
    this.#written = 0
  }

  /** What the ladder makes of it, from now on. */
  setRungs(...names: readonly string[]): void {
    this.#broadcast!.setRungs(names.map(name => ({ name, width: 64, height: 36, bitrateBps: 100_000 })))
  }

  /** Writes the media before `seconds`, each unit at its time. */
  feed(seconds: number): void {
    const { units } = this.#encoded!
    const base = this.now - this.#time(Math.max(0, this.#written - 1))
    while (this.#written < units.length && this.#time(this.#written) < seconds * 1000) {
      this.now = base + this.#time(this.#written)
      const unit = units[this.#written++]!
      if (unit.track.kind === 'video' && unit.track.rendition) this.#broadcast!.writeRendition(unit)
      else this.#broadcast!.write(unit)
    }
  }

  async end(): Promise<void> {
    await this.#broadcast?.close()
    await this.#output?.close()
  }

  /** `path` below `/hls/chan/`. */
  request(path: string, init?: RequestInit): Promise<Response> {
    return this.mounted.handle(new Request(`http://localhost/hls/chan/${path}`, init))
  }

  async text(path: string): Promise<string> {
    const response = await this.request(path)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return response.text()
  }

  /** Whether `response` is still held after everything that could answer it has run. */
  async isHeld(response: Promise<Response>): Promise<boolean> {
    let isAnswered = false
    response.then(() => {
      isAnswered = true
    })
    for (let turn = 0; turn < 100; turn++) await Promise.resolve()
    return !isAnswered
  }

  #time(index: number): number {
    return this.#arrivals[index]!
  }
}

/** The stable word of a refusal's problem details. */
export async function reasonOf(response: Response): Promise<string> {
  return ((await response.json()) as { reason: string }).reason
}
