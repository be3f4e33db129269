/** Opens a ladder for each broadcast, and shares out the CPU among them. */
import type { Config } from '../config.ts'
import type { Log } from '../log.ts'
import type { Broadcast, Rung } from './broadcast.ts'
import { LADDER_TIMINGS, Ladder, type LadderTimings } from './ladder.ts'
import { LadderBudget } from './ladder-budget.ts'
import { leftOutNotice } from './ladder-notices.ts'
import { costOf, ladderNames, rungsFor } from './ladder-rungs.ts'

/** For the metrics: counted since the process began, or as it is now. */
export interface LadderStatistics {
  /** Runs of ffmpeg that died or hung. */
  readonly restarts: number
  /** Rungs given up because the machine could not keep up. */
  readonly shed: number
  /** Pictures of sources that ffmpeg did not get. */
  readonly droppedUnits: number
  /** Now: renditions being made, and how late the latest of them is. */
  readonly rungs: number
  readonly maxLagMs: number
  /** Now: pixels a second that ladders hold of the budget, and the budget. */
  readonly usedPixelsPerSecond: number
  readonly budgetPixelsPerSecond: number
}

export class Ladders {
  /** All names that a rendition may ever have, best first. */
  readonly names: readonly string[]
  readonly #isAutomatic: boolean
  readonly #budget: LadderBudget
  readonly #timings: LadderTimings
  readonly #log: Log
  readonly #running = new Map<Ladder, Broadcast>()
  #past: Counters = { restarts: 0, shed: 0, droppedUnits: 0 }

  /** `cores`: what this process may count on. */
  constructor(options: {
    ladder: Config['ladder']
    cores: number
    log: Log
    timings?: Partial<LadderTimings>
  }) {
    this.names = ladderNames(options.ladder)
    this.#isAutomatic = options.ladder === 'auto'
    this.#budget = new LadderBudget(options.cores)
    this.#timings = { ...LADDER_TIMINGS, ...options.timings }
    this.#log = options.log
  }

  /**
   * The sink that makes the broadcast's renditions, and sets `broadcast.rungs` before it is answered; undefined where
   * there are none to make. Add it after the outputs were attached, or before: it writes later in any case.
   */
  open(broadcast: Broadcast): Ladder | undefined {
    const { video } = broadcast.tracks
    const possible = rungsFor(video, this.names)
    const rungs = this.#isAutomatic ? this.#affordable(broadcast, possible) : possible
    if (rungs.length === 0) {
      if (possible.length > 0) broadcast.notice(leftOutNotice(possible))
      return undefined
    }
    const release = this.#budget.take(costOf(video, rungs))
    const ladder: Ladder = new Ladder({
      broadcast,
      rungs,
      timings: this.#timings,
      log: this.#log,
      onClose: () => {
        release()
        this.#past = add(this.#past, ladder)
        this.#running.delete(ladder)
      },
    })
    this.#running.set(ladder, broadcast)
    return ladder
  }

  get statistics(): LadderStatistics {
    const running = [...this.#running.keys()]
    const counted = running.reduce(add, this.#past)
    return {
      ...counted,
      rungs: [...this.#running.values()].reduce((sum, broadcast) => sum + broadcast.rungs.length, 0),
      maxLagMs: Math.max(0, ...running.map(ladder => ladder.lagMs)),
      usedPixelsPerSecond: this.#budget.used,
      budgetPixelsPerSecond: this.#budget.pixelsPerSecond,
    }
  }
  /** From the lowest up, as far as the budget goes. */
  #affordable(broadcast: Broadcast, possible: readonly Rung[]): readonly Rung[] {
    const { video } = broadcast.tracks
    const first = possible.findIndex((_, index) => this.#budget.fits(costOf(video, possible.slice(index))))
    return first < 0 ? [] : possible.slice(first)
  }
}

interface Counters {
  readonly restarts: number
  readonly shed: number
  readonly droppedUnits: number
}

function add(sum: Counters, ladder: Ladder): Counters {
  return {
    restarts: sum.restarts + ladder.restarts,
    shed: sum.shed + ladder.shedEver,
    droppedUnits: sum.droppedUnits + ladder.droppedUnits,
  }
}
