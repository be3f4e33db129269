/** Turns the packets of one sound into its track and access units: AAC and Opus. */
import type { AudioTrack } from '../access-unit.ts'
import { equalBytes } from '../bytes.ts'
import { audioTrack, UnsupportedAacError } from '../codecs/aac.ts'
import { opusPacketSamples, opusTrack, UnsupportedOpusError } from '../codecs/opus.ts'
import type { FlvEvent } from './event.ts'
import type { TagPacket } from './tag.ts'
import { SampleClock, type Timeline } from './timeline.ts'

type FourCc = 'mp4a' | 'Opus'

export function isCarriedAudio(codec: string): codec is FourCc {
  return codec === 'mp4a' || codec === 'Opus'
}

/** Times count samples, as FLV's milliseconds would make them jitter. */
export class AudioLane {
  readonly #timeline: Timeline
  readonly #trackId: number
  /** BCP 47, for the next configuration. */
  language: string | undefined
  #codec: FourCc | undefined
  /** The AudioSpecificConfig or ID header; for Opus it may be missing, and the packets say the rest. */
  #config: Uint8Array | undefined
  #track: AudioTrack | undefined
  #clock: SampleClock | undefined

  constructor(timeline: Timeline, trackId: number) {
    this.#timeline = timeline
    this.#trackId = trackId
  }

  /** Throws `ProtocolError` for garbage. */
  push(codec: FourCc, packet: TagPacket, timestampMs: number): FlvEvent[] {
    try {
      if (packet.kind === 'config') return this.#configure(codec, packet.data)
      return this.#unit(codec, packet.data, timestampMs)
    } catch (error) {
      if (error instanceof UnsupportedAacError) return [unsupported(codec, 'this kind of AAC')]
      if (error instanceof UnsupportedOpusError) return [unsupported(codec, 'Opus in surround')]
      throw error
    }
  }

  #configure(codec: FourCc, config: Uint8Array): FlvEvent[] {
    if (config.byteLength === 0) return [{ type: 'skipped', reason: 'empty' }]
    if (codec === this.#codec && this.#config && equalBytes(config, this.#config)) return []
    // Only a packet says how long Opus packets are: the track waits for it.
    const track = codec === 'mp4a' ? this.#begin(audioTrack(config)) : undefined
    if (codec === 'Opus') opusTrack(config, 0)
    this.#codec = codec
    this.#config = new Uint8Array(config)
    this.#track = track
    return track ? [{ type: 'track', track }] : []
  }

  #unit(codec: FourCc, data: Uint8Array, timestampMs: number): FlvEvent[] {
    const timeMs = this.#timeline.place(`audio ${this.#trackId}`, timestampMs)
    if (data.byteLength === 0) return [{ type: 'skipped', reason: 'empty' }]
    if (codec === 'mp4a' && codec !== this.#codec) return [{ type: 'skipped', reason: 'no_config' }]
    const samples = codec === 'Opus' ? opusPacketSamples(data) : this.#track!.samplesPerUnit
    const events: FlvEvent[] = []
    if (!this.#track || codec !== this.#codec) {
      const config = codec === this.#codec ? this.#config : undefined
      this.#codec = codec
      this.#track = this.#begin(opusTrack(config ?? new Uint8Array(0), samples))
      events.push({ type: 'track', track: this.#track })
    }
    const dts = this.#clock!.place(timeMs, samples)
    events.push({ type: 'unit', unit: { track: this.#track, dts, pts: dts, isKey: true, data } })
    return events
  }

  #begin(track: AudioTrack): AudioTrack {
    this.#clock = new SampleClock(track.timescale)
    return {
      ...track,
      ...(this.#trackId !== 0 && { trackId: this.#trackId }),
      ...(this.language !== undefined && { language: this.language }),
    }
  }
}

function unsupported(codec: FourCc, name: string): FlvEvent {
  return { type: 'unsupported', kind: 'audio', codec, name }
}
