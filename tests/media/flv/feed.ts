/** A depacketizer with both tracks known, and short ways to feed it. */
import type { AccessUnit } from '../../../media/access-unit.ts'
import { joinNalUnits } from '../../../media/codecs/h264.ts'
import { FlvDepacketizer } from '../../../media/flv/depacketizer.ts'
import type { FlvEvent } from '../../../media/flv/event.ts'
import { aacFrame, aacSequenceHeader, avcFrame, avcSequenceHeader } from '../../../media/flv/tag.ts'
import { AAC_44100, CONFIG } from './configs.ts'

export const SLICE = Uint8Array.of(0x41, 1, 2, 3)

export class Feed {
  readonly depacketizer = new FlvDepacketizer()

  constructor(audioConfig = AAC_44100) {
    this.depacketizer.push('video', 0, avcSequenceHeader(CONFIG))
    this.depacketizer.push('audio', 0, aacSequenceHeader(audioConfig))
  }

  video(timestampMs: number, compositionMs = 0, nals: Uint8Array[] = [SLICE]): AccessUnit {
    const body = avcFrame({ isKey: false, compositionMs, data: joinNalUnits(nals) })
    return unitOf(this.depacketizer.push('video', timestampMs >>> 0, body))
  }

  audio(timestampMs: number): AccessUnit {
    return unitOf(this.depacketizer.push('audio', timestampMs >>> 0, aacFrame(Uint8Array.of(1, 2))))
  }
}

export function unitOf(events: FlvEvent[]): AccessUnit {
  const [event] = events
  if (event?.type !== 'unit') throw new Error(`expected a unit, got ${JSON.stringify(event)}`)
  return event.unit
}

export const seconds = (unit: AccessUnit) => unit.dts / unit.track.timescale
