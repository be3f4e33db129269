/**
 * One stream's RTP: a lane for the sound, one for each layer of the picture, and start layers on which the source is
 * replayed to those who come, with numbers that go on over broadcasts. All layers share one line of time stamps, and all lanes' sender reports come from one clock: that is how
 * mediasoup joins one layer to another, and browsers the sound to the picture.
 */
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import { packetizeH264, packetizeOpus, packetizeParameterSets } from '../../media/rtp/packetize.ts'
import { senderReport } from '../../media/rtp/sender-report.ts'
import type { MediaClock } from '../live/media-clock.ts'
import { CNAME, inlets, type OriginRouter } from './origin-router.ts'
import { type Follow, Replays, START_LAYERS } from './replays.ts'
import { RtpLane, Timeline } from './rtp-lane.ts'

/** The name of the layer that shows what the publisher sent. */
export const SOURCE = 'source'

const REPORT_INTERVAL_MS = 500
const TICKS_PER_MS = inlets.video.clockRate / 1000
/** Replayed pictures' time stamps go on with the clock after the source's last one, for so much of its usual step, … */
const MAX_AHEAD = 0.75
/** … and no further, as the next step may be shorter. */
const MAX_AHEAD_MS = 30
/**
 * Sound is reported as captured this much later than it was, so it is heard this much after its picture. Browsers hold
 * the picture back for their audio buffer; half of what EBU R37 allows (sound at most 60 ms late) is taken off that. Browsers
 * leave a rest of up to 30 ms themselves.
 */
const SOUND_BEHIND_MS = 30

/** What one layer of the picture carries now. */
export interface LayerState {
  /** `source`, or the rendition's name: `480p`. */
  readonly encodingId: string
  /** In pixels; undefined before the first picture. */
  readonly width: number | undefined
  readonly height: number | undefined
  /** Over the last seconds; zero while nobody watches. */
  readonly bitrateBps: number
  readonly isActive: boolean
}

export class RtpFeed {
  /** Of the layers, lowest first, the source last. */
  readonly layerNames: readonly string[]
  readonly #now: () => number
  readonly #picture = new Timeline(inlets.video.clockRate, 0)
  readonly #sound = new Timeline(inlets.audio.clockRate, SOUND_BEHIND_MS)
  readonly #video: readonly RtpLane[]
  readonly #audio: RtpLane
  readonly #start: readonly RtpLane[]
  readonly #replays: Replays
  /** When the source's last picture was sent, and how long after the one before it was captured. */
  #sourceSentAt = 0
  #sourceStepMs = 0
  #origin: OriginRouter | undefined
  #clock: MediaClock | undefined
  #reportedAt = 0

  /** `renditions`: names that a ladder may ever make, best first. `now`: milliseconds since the epoch. */
  constructor(options: { renditions?: readonly string[]; now?: () => number } = {}) {
    this.layerNames = [...(options.renditions ?? []).toReversed(), SOURCE]
    this.#now = options.now ?? Date.now
    this.#video = this.layerNames.map(
      (_, layer) => new RtpLane({ ...inlets.video, ssrc: inlets.video.ssrc + layer }, this.#picture),
    )
    this.#audio = new RtpLane(inlets.audio, this.#sound)
    this.#start = Array.from(
      { length: START_LAYERS },
      (_, layer) => new RtpLane({ ...inlets.start, ssrc: inlets.start.ssrc + layer }, this.#picture),
    )
    this.#replays = new Replays({
      outlet: {
        open: layer => this.#openStart(this.#start[layer]!),
        send: (layer, unit, isLive) => this.#sendStart(this.#start[layer]!, unit, isLive),
      },
    })
  }

  /** Without start layers. */
  get layerCount(): number {
    return this.layerNames.length
  }

  /** Lowest first. */
  get layers(): readonly LayerState[] {
    const now = this.#now()
    return this.#video.map((lane, layer) => ({
      encodingId: this.layerNames[layer]!,
      width: lane.last?.track.width,
      height: lane.last?.track.height,
      bitrateBps: lane.bitrateBps(now),
      isActive: lane.isActive(now),
    }))
  }

  /** From now on `origin` gets everything, until it closes. */
  attach(origin: OriginRouter): void {
    this.#origin = origin
    for (const lane of [...this.#video, ...this.#start, this.#audio]) lane.restart()
    origin.closed.then(() => {
      if (this.#origin === origin) this.#origin = undefined
    })
  }

  /** Somebody may be watching: there is an origin. */
  get isWatched(): boolean {
    return this.#origin !== undefined
  }

  /**
   * For a new edge router while nobody watches yet. A pipe lets a layer through from a key frame on, and tells key
   * frames by their parameter sets; with these alone every layer is there at once, so that the first viewer gets the
   * lowest, and need not wait for one key frame of the source to open the pipe and for another to see it.
   */
  openLayers(): void {
    if (!this.#origin) return
    for (const lane of this.#video)
      if (lane.last)
        this.#origin.send('video', packetizeParameterSets(lane, lane.last.timestamp, lane.last.track))
  }

  /** A viewer without a picture, where no rendition has one for it soon: see `Replays.join`. */
  join(follow: Follow): () => void {
    return this.#replays.join(follow)
  }

  /** Another broadcast's units follow, on `clock`: RTP time stamps go on with wall-clock time. */
  startBroadcast(clock: MediaClock): void {
    this.#clock = clock
    this.#replays.clear()
    for (const timeline of [this.#picture, this.#sound]) timeline.base = undefined
    for (const lane of [...this.#video, ...this.#start, this.#audio]) lane.restart()
    for (const lane of this.#video) lane.last = undefined
  }

  /** `layer`: its name; a unit of one that this stream does not have is not sent. */
  sendVideo(unit: AccessUnit, layer: string = SOURCE): void {
    const lane = this.#video[this.layerNames.indexOf(layer)]
    if (!lane) return
    const track = unit.track as VideoTrack
    const timestamp = this.#picture.timestamp(unit, this.#clock!)
    if (layer === SOURCE) {
      this.#sourceStepMs = lane.last ? ticksBetween(lane.last.timestamp, timestamp) / TICKS_PER_MS : 0
      this.#sourceSentAt = this.#now()
    }
    lane.last = { track, timestamp }
    if (this.#origin) this.#send('video', lane, packetizeH264(lane, unit.data, timestamp, track))
    // After the source's own: a viewer who changes from the copy to the source has seen no more than it.
    if (layer === SOURCE) this.#replays.push(unit)
  }

  sendAudio(unit: AccessUnit): void {
    const lane = this.#audio
    const isFirst = this.#sound.base === undefined
    const timestamp = this.#sound.timestamp(unit, this.#clock!)
    if (this.#origin) this.#send('audio', lane, [packetizeOpus(lane, unit.data, timestamp, isFirst)])
  }

  /** Routers and viewers hear of a layer by its first packets; parameter sets alone show nothing yet. */
  #openStart(lane: RtpLane): void {
    const source = this.#video.at(-1)!.last
    if (!this.#origin || !source) return
    lane.restart()
    this.#send('video', lane, packetizeParameterSets(lane, later(lane, this.#timestampNow()), source.track))
  }

  #sendStart(lane: RtpLane, unit: AccessUnit, isLive: boolean): void {
    if (!this.#origin) return
    const track = unit.track as VideoTrack
    const timestamp = later(lane, isLive ? this.#video.at(-1)!.last!.timestamp : this.#timestampNow())
    lane.last = { track, timestamp }
    this.#send('video', lane, packetizeH264(lane, unit.data, timestamp, track))
  }

  /** Of a replayed picture, as if it were captured now: before the source's next. */
  #timestampNow(): number {
    const aheadMs = Math.min(this.#now() - this.#sourceSentAt, this.#sourceStepMs * MAX_AHEAD, MAX_AHEAD_MS)
    return this.#video.at(-1)!.last!.timestamp + Math.max(0, Math.floor(aheadMs * TICKS_PER_MS))
  }

  #send(kind: 'video' | 'audio', lane: RtpLane, packets: Buffer[]): void {
    const now = this.#now()
    this.#origin!.send(kind, packets)
    const isFirst = !lane.isActive(now)
    lane.count(packets, now)
    // The first report comes with the first packets, since mediasoup joins layers only once it has theirs.
    if (isFirst) this.#report([lane], now)
    if (now - this.#reportedAt < REPORT_INTERVAL_MS || kind === 'audio') return
    this.#reportedAt = now
    this.#report(
      [...this.#video, ...this.#start, this.#audio].filter(each => each.isActive(now)),
      now,
    )
  }

  /** At once and from one clock, so that a correction of the clock moves all lanes together. */
  #report(lanes: readonly RtpLane[], now: number): void {
    for (const lane of lanes)
      this.#origin!.sendRtcp(
        senderReport({
          ssrc: lane.ssrc,
          cname: CNAME,
          wallTimeMs: now,
          rtpTimestamp: lane.timeline.at(now, this.#clock!),
          packetCount: lane.packetCount,
          octetCount: lane.octetCount,
        }),
      )
  }
}

/** How far `after` is ahead of `before`; negative: it is behind. RTP time stamps wrap. */
function ticksBetween(before: number, after: number): number {
  return (after - before) | 0
}

/** `timestamp`, or the one after the lane's last. */
function later(lane: RtpLane, timestamp: number): number {
  if (!lane.last) return timestamp % 2 ** 32
  return (lane.last.timestamp + Math.max(1, ticksBetween(lane.last.timestamp, timestamp))) % 2 ** 32
}
