/** Gives a broadcast with a sound in Opus the same one as AAC. It queues nothing; an ffmpeg that falls behind loses sound. */
import type { AccessUnit, AudioTrack } from '../../media/access-unit.ts'
import type { Log } from '../log.ts'
import { openAacRun } from './aac-run.ts'
import type { Broadcast, Sink } from './broadcast.ts'
import { Transcoder } from './transcoder.ts'

export class SoundConverter implements Sink {
  readonly #track: AudioTrack
  readonly #transcoder: Transcoder

  /** `target`: the AAC track of what comes out. */
  constructor(broadcast: Broadcast, track: AudioTrack, target: AudioTrack, log: Log) {
    this.#track = track
    this.#transcoder = new Transcoder({
      name: 'aac',
      openRun: () => openAacRun(track, target),
      onUnit: unit => broadcast.writeRendition(unit),
      log,
    })
  }

  write(unit: AccessUnit): void {
    if (unit.track === this.#track) this.#transcoder.write(unit)
  }

  close(): Promise<void> {
    return this.#transcoder.close()
  }
}
