/** Turns the audio and video messages of RTMP or FLV into tracks and access units on one time line. */
import type { AccessUnit, AudioTrack, Track, VideoTrack } from '../access-unit.ts'
import { equalBytes } from '../bytes.ts'
import { audioTrack, UnsupportedAacError } from '../codecs/aac.ts'
import { joinNalUnits, NAL_IDR, nalType, nalUnits, parseAvcConfig, videoTrack } from '../codecs/h264.ts'
import { rescale } from '../timestamps.ts'
import { parseAudioTag, parseVideoTag, type TagPacket } from './tag.ts'
import { SampleClock, Timeline } from './timeline.ts'

export type FlvEvent =
  /** A track's configuration arrived for the first time, or really changed: the object is new. */
  | { readonly type: 'track'; readonly track: Track }
  | { readonly type: 'unit'; readonly unit: AccessUnit }
  /** Understood, but not carried: another track id, a frame before its configuration, an empty frame. */
  | { readonly type: 'skipped'; readonly reason: 'other_track' | 'no_config' | 'empty' }
  /** The default track is in a codec that is not carried. `codec`: FourCC or `flv:N`; `name` is for people. */
  | {
      readonly type: 'unsupported'
      readonly kind: 'audio' | 'video'
      readonly codec: string
      readonly name: string
    }

const VIDEO_NAMES: Record<string, string> = {
  hvc1: 'HEVC (H.265)',
  'flv:12': 'HEVC (H.265)',
  av01: 'AV1',
  vp09: 'VP9',
  vp08: 'VP8',
  vvc1: 'VVC (H.266)',
  'flv:2': 'Sorenson H.263',
  'flv:3': 'Screen video',
  'flv:4': 'VP6',
  'flv:5': 'VP6',
  'flv:6': 'Screen video',
}
const AUDIO_NAMES: Record<string, string> = {
  Opus: 'Opus',
  fLaC: 'FLAC',
  'ac-3': 'AC-3',
  'ec-3': 'E-AC-3',
  '.mp3': 'MP3',
  'flv:0': 'PCM',
  'flv:1': 'ADPCM',
  'flv:2': 'MP3',
  'flv:3': 'PCM',
  'flv:4': 'Nellymoser',
  'flv:5': 'Nellymoser',
  'flv:6': 'Nellymoser',
  'flv:7': 'G.711 A-law',
  'flv:8': 'G.711 µ-law',
  'flv:11': 'Speex',
  'flv:14': 'MP3',
}

/**
 * Time stamps are rescaled here, once. Video: 90 kHz from FLV's milliseconds. Audio: counted in samples. Decoding
 * times of a track always increase; a jump of the encoder's clock is bridged as `Timeline` says.
 */
export class FlvDepacketizer {
  readonly #timeline = new Timeline()
  #frameRate: number | undefined
  #video: VideoTrack | undefined
  /** The record as it came, to see repetitions; its length size is the stream's. */
  #videoRecord: Uint8Array | undefined
  #nalLengthSize = 4
  #lastVideoDts = Number.NEGATIVE_INFINITY
  #audio: AudioTrack | undefined
  #audioClock: SampleClock | undefined

  /** The frame rate that the publisher's metadata states, for an SPS without timing. Call it before the media. */
  hintFrameRate(frameRate: number): void {
    this.#frameRate = frameRate
  }

  /** Takes one message; its bytes are kept, not copied. Throws `ProtocolError` for garbage. */
  push(kind: 'audio' | 'video', timestampMs: number, body: Uint8Array): FlvEvent[] {
    const packets = kind === 'video' ? parseVideoTag(body) : parseAudioTag(body)
    const events: FlvEvent[] = []
    for (const packet of packets) {
      const event =
        kind === 'video' ? this.#videoEvent(packet, timestampMs) : this.#audioEvent(packet, timestampMs)
      if (event) events.push(event)
    }
    return events
  }

  #videoEvent(packet: TagPacket, timestampMs: number): FlvEvent | undefined {
    if (packet.trackId !== 0) return { type: 'skipped', reason: 'other_track' }
    if (packet.kind === 'end' || packet.kind === 'other') return undefined
    if (packet.codec !== 'avc1')
      return {
        type: 'unsupported',
        kind: 'video',
        codec: packet.codec,
        name: VIDEO_NAMES[packet.codec] ?? printable(packet.codec),
      }
    if (packet.kind === 'config') return this.#configureVideo(packet.data)
    return this.#videoUnit(packet, timestampMs)
  }

  #configureVideo(record: Uint8Array): FlvEvent | undefined {
    if (record.byteLength === 0) return { type: 'skipped', reason: 'empty' }
    if (this.#videoRecord && equalBytes(record, this.#videoRecord)) return undefined
    const hints = this.#frameRate === undefined ? {} : { frameRate: this.#frameRate }
    this.#video = videoTrack(record, hints)
    this.#nalLengthSize = parseAvcConfig(record).lengthSize
    this.#videoRecord = new Uint8Array(record)
    return { type: 'track', track: this.#video }
  }

  #videoUnit(packet: TagPacket, timestampMs: number): FlvEvent {
    // Placed even when dropped: the time line is the encoder's, whether or not its frames can be used.
    const dts = Math.max(
      rescale(this.#timeline.place('video', timestampMs), 1000, 90_000),
      this.#lastVideoDts + 1,
    )
    if (!this.#video) return { type: 'skipped', reason: 'no_config' }
    const nals = [...nalUnits(packet.data, this.#nalLengthSize)]
    if (nals.length === 0) return { type: 'skipped', reason: 'empty' }
    this.#lastVideoDts = dts
    const unit = {
      track: this.#video,
      dts,
      pts: dts + rescale(packet.compositionMs, 1000, 90_000),
      isKey: nals.some(nal => nalType(nal) === NAL_IDR),
      data: this.#nalLengthSize === 4 ? packet.data : joinNalUnits(nals),
    }
    return { type: 'unit', unit }
  }

  #audioEvent(packet: TagPacket, timestampMs: number): FlvEvent | undefined {
    if (packet.trackId !== 0) return { type: 'skipped', reason: 'other_track' }
    if (packet.kind === 'end' || packet.kind === 'other') return undefined
    if (packet.codec !== 'mp4a')
      return {
        type: 'unsupported',
        kind: 'audio',
        codec: packet.codec,
        name: AUDIO_NAMES[packet.codec] ?? printable(packet.codec),
      }
    if (packet.kind === 'config') return this.#configureAudio(packet.data)
    const timeMs = this.#timeline.place('audio', timestampMs)
    if (!this.#audio || !this.#audioClock) return { type: 'skipped', reason: 'no_config' }
    if (packet.data.byteLength === 0) return { type: 'skipped', reason: 'empty' }
    const dts = this.#audioClock.place(timeMs)
    return { type: 'unit', unit: { track: this.#audio, dts, pts: dts, isKey: true, data: packet.data } }
  }

  #configureAudio(config: Uint8Array): FlvEvent | undefined {
    if (config.byteLength === 0) return { type: 'skipped', reason: 'empty' }
    if (this.#audio && equalBytes(config, this.#audio.decoderConfig)) return undefined
    try {
      this.#audio = audioTrack(config)
    } catch (error) {
      if (!(error instanceof UnsupportedAacError)) throw error
      return { type: 'unsupported', kind: 'audio', codec: 'mp4a', name: 'this kind of AAC' }
    }
    this.#audioClock = new SampleClock(this.#audio.timescale, this.#audio.samplesPerUnit)
    return { type: 'track', track: this.#audio }
  }
}

/** What a peer calls a codec, safe to show. */
function printable(codec: string): string {
  return codec.replace(/[^\w:.-]/g, '?')
}
