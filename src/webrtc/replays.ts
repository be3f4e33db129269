/**
 * Shows a picture at once to viewers who come in the middle of a group of pictures: a start layer replays the group from
 * its key unit, faster than it was, until it has caught up, and is a copy of the source from then on, until those who
 * watch it have changed to the source at its next key unit. Who comes at nearly the same time shares a replay; each
 * further one in a group waits a little longer, so that the layers suffice for any crowd. A group that grows too large
 * is forgotten: then viewers wait for the next one.
 */
import type { AccessUnit } from '../../media/access-unit.ts'

/** With the pauses below, enough for groups of ten seconds. */
export const START_LAYERS = 8
/** Between the key unit, the first replay of its group, the second, and so on: each pause is longer by this. */
const PAUSE_STEP_MS = 300
/** Five seconds of 25 Mb/s, half a minute of 4 Mb/s; twenty seconds of 60 pictures a second. */
const MAX_GROUP_BYTES = 16 * 1024 * 1024
const MAX_GROUP_UNITS = 1_200
/** What the viewer's link and decoder are asked for meanwhile, as far as twice the source's pace allows. */
const REPLAY_BPS = 8_000_000
const REPLAY_PICTURES_PER_SECOND = 150
const MIN_SPEED = 2
const MAX_SPEED = 5
/** At the first key unit after so long it ends for those, too, who have not changed to the source. */
const MAX_REPLAY_MS = 10_000

/** Where a start layer's pictures go. Layers are counted from 0. */
export interface ReplayOutlet {
  /** The layer is about to carry something, which whoever is to follow it has to know before. */
  open(layer: number): void
  /** `isLive`: it is the source's newest unit, just sent; else one of before, to be shown at once. */
  send(layer: number, unit: AccessUnit, isLive: boolean): void
}

/** Makes a viewer take the start layer's next key unit; resolves when it will, or cannot. */
export type Follow = (layer: number) => Promise<void>

interface Seat {
  readonly follow: Follow
  replay: Replay | undefined
}

/** One use of a start layer. */
interface Replay {
  readonly layer: number
  readonly seats: Set<Seat>
  /** `stuck`: until the next key unit, as what it was to replay is forgotten. */
  state: 'opening' | 'behind' | 'stuck' | 'live'
  readonly startedAt: number
  timer: ReturnType<typeof setTimeout> | undefined
}

export class Replays {
  readonly #outlet: ReplayOutlet
  readonly #now: () => number
  /** By layer. */
  readonly #running = new Map<number, Replay>()
  readonly #waiting = new Set<Seat>()
  #group: AccessUnit[] = []
  #groupBytes = 0
  /** Begun in this group. */
  #count = 0
  #notBefore = Number.NEGATIVE_INFINITY
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `now`: milliseconds on a clock that never goes back. */
  constructor(options: { outlet: ReplayOutlet; now?: () => number }) {
    this.#outlet = options.outlet
    this.#now = options.now ?? (() => performance.now())
  }

  /** A viewer without a picture. What is answered is to be called when it has another layer, or is gone; idempotent. */
  join(follow: Follow): () => void {
    const seat: Seat = { follow, replay: undefined }
    this.#waiting.add(seat)
    this.#startSoon()
    return () => {
      this.#waiting.delete(seat)
      const { replay } = seat
      seat.replay = undefined
      if (replay?.seats.delete(seat) && replay.seats.size === 0) this.#end(replay)
    }
  }

  /** The source's newest unit, after it was sent. */
  push(unit: AccessUnit): void {
    if (unit.isKey) this.#begin()
    if (unit.isKey || this.#group.length > 0) {
      this.#group.push(unit)
      this.#groupBytes += unit.data.byteLength
    }
    for (const replay of this.#running.values()) {
      // One that has not caught up by the next key unit has no need to.
      if (unit.isKey && replay.state !== 'opening') goOn(replay, 'live')
      if (unit.isKey && this.#now() - replay.startedAt > MAX_REPLAY_MS) this.#end(replay)
      else if (replay.state === 'live') this.#outlet.send(replay.layer, unit, true)
    }
    if (this.#groupBytes > MAX_GROUP_BYTES || this.#group.length > MAX_GROUP_UNITS) this.#forget()
  }

  /** Another broadcast follows: who watches a start layer goes on there with that one's first key unit. */
  clear(): void {
    this.#forget()
    for (const replay of this.#running.values()) if (replay.state === 'live') goOn(replay, 'stuck')
  }

  #begin(): void {
    this.#group = []
    this.#groupBytes = 0
    this.#count = 0
    this.#notBefore = this.#now() + PAUSE_STEP_MS / 2
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#startSoon()
  }

  #forget(): void {
    this.#group = []
    this.#groupBytes = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const replay of this.#running.values()) if (replay.state === 'behind') goOn(replay, 'stuck')
  }

  #end(replay: Replay): void {
    clearTimeout(replay.timer)
    if (this.#running.get(replay.layer) !== replay) return
    this.#running.delete(replay.layer)
    this.#startSoon()
  }

  #startSoon(): void {
    if (this.#timer !== undefined || this.#waiting.size === 0) return
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        void this.#start()
      },
      Math.max(0, this.#notBefore - this.#now()),
    )
  }

  async #start(): Promise<void> {
    const layers = Array.from({ length: START_LAYERS }, (_, layer) => layer)
    const layer = layers.find(each => !this.#running.has(each))
    if (layer === undefined || this.#group.length === 0 || this.#waiting.size === 0) return
    this.#count++
    this.#notBefore = this.#now() + this.#count * PAUSE_STEP_MS
    const replay: Replay = {
      layer,
      seats: new Set(this.#waiting),
      state: 'opening',
      startedAt: this.#now(),
      timer: undefined,
    }
    this.#running.set(layer, replay)
    this.#waiting.clear()
    for (const seat of replay.seats) seat.replay = replay
    this.#outlet.open(layer)
    await Promise.all([...replay.seats].map(seat => seat.follow(layer)))
    if (this.#running.get(layer) === replay) this.#replay(replay)
  }

  #replay(replay: Replay): void {
    if (this.#group.length === 0) return goOn(replay, 'stuck')
    replay.state = 'behind'
    const group = this.#group
    const speed = speedFor(group, this.#groupBytes)
    let next = 0
    let dueAt = this.#now()
    const run = () => {
      while (next < group.length && dueAt <= this.#now()) {
        const unit = group[next++]!
        this.#outlet.send(replay.layer, unit, false)
        const following = group[next]
        if (following) dueAt += Math.max(0, millisecondsBetween(unit, following)) / speed
      }
      if (next >= group.length) return goOn(replay, 'live')
      replay.timer = setTimeout(run, Math.max(0, dueAt - this.#now()))
    }
    run()
  }
}

function goOn(replay: Replay, state: 'stuck' | 'live'): void {
  clearTimeout(replay.timer)
  replay.state = state
}

/** How many times its pace a group is replayed. */
function speedFor(group: readonly AccessUnit[], bytes: number): number {
  const seconds = millisecondsBetween(group[0]!, group.at(-1)!) / 1000
  if (seconds <= 0) return MAX_SPEED
  const bitrateBps = (bytes * 8) / seconds
  const picturesPerSecond = group.length / seconds
  const speed = Math.min(REPLAY_BPS / bitrateBps, REPLAY_PICTURES_PER_SECOND / picturesPerSecond)
  return Math.min(Math.max(speed, MIN_SPEED), MAX_SPEED)
}

function millisecondsBetween(before: AccessUnit, after: AccessUnit): number {
  return ((after.dts - before.dts) / before.track.timescale) * 1000
}
