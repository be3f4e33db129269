/** Gives a broadcast whose sound is Opus the same sound as AAC. It queues nothing; an ffmpeg that falls behind loses sound. */
import type { AccessUnit, AudioTrack } from '../../media/access-unit.ts'
import type { Log } from '../log.ts'
import { openAacRun } from './aac-run.ts'
import type { Broadcast, Sink } from './broadcast.ts'
import { Transcoder } from './transcoder.ts'

export class SoundConverter implements Sink {
  readonly #track: AudioTrack
  readonly #transcoder: Transcoder

  constructor(broadcast: Broadcast, track: AudioTrack, log: Log) {
    this.#track = track
    this.#transcoder = new Transcoder({
      name: 'aac',
      openRun: () => openAacRun(track),
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
