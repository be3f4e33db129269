/** Puts private playback together: what is asked at every request for media, and what hands out tokens. */
import type { Db } from '../db/database.ts'
import type { Log } from '../log.ts'
import type { Bus } from '../redis/bus.ts'
import { Admissions } from './admissions.ts'
import { PlaybackRepository } from './repository.ts'
import { PlaybackService } from './service.ts'
import { Standings } from './standings.ts'
import { PlaybackTokens } from './tokens.ts'
import { Visibilities } from './visibilities.ts'

export interface OpenPlaybackOptions {
  readonly db: Db
  readonly bus: Bus
  /** 32 bytes, the same on every instance. */
  readonly key: Uint8Array
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

export interface OpenedPlayback extends AsyncDisposable {
  readonly service: PlaybackService
  readonly admissions: Admissions
  /** Told of each channel whose visibility, members or share links may have changed, wherever that was. */
  onChanged(listener: (channelId: string) => Promise<void>): void
  /** Finds out what other instances have changed; for every heartbeat. */
  refresh(): Promise<void>
}

export async function openPlayback(options: OpenPlaybackOptions): Promise<OpenedPlayback> {
  const { db, bus, key, log, now = Date.now } = options
  const repository = new PlaybackRepository(db)
  const tokens = new PlaybackTokens({ key, now })
  const standings = new Standings({ repository, now })
  const listeners: ((channelId: string) => Promise<void>)[] = []
  const onChanged = async (channelId: string) => {
    standings.forget(channelId)
    admissions.check(channelId)
    const told = await Promise.allSettled(listeners.map(listener => listener(channelId)))
    for (const each of told)
      if (each.status === 'rejected')
        log.warn({ err: each.reason, channelId }, 'not everything knows who may watch now')
  }
  const visibilities = await Visibilities.open({ repository, bus, log, onChanged })
  const admissions = new Admissions({ tokens, standings, visibilities, log })
  return {
    service: new PlaybackService({ repository, tokens, standings, visibilities, now }),
    admissions,
    onChanged: listener => void listeners.push(listener),
    refresh: () => visibilities.refresh(),
    [Symbol.asyncDispose]: async () => {
      admissions.close()
      visibilities.close()
    },
  }
}
