/** Turns the audio and video messages of RTMP or FLV into tracks and access units on one time line. */
import { AudioLane, isCarriedAudio } from './audio-lane.ts'
import type { FlvEvent } from './event.ts'
import { parseAudioTag, parseVideoTag, type TagPacket } from './tag.ts'
import { Timeline } from './timeline.ts'
import { isCarriedVideo, VideoLane } from './video-lane.ts'

const VIDEO_NAMES: Record<string, string> = {
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

/** Sounds of one publisher: the default one and what viewers may choose instead. */
const MAX_SOUNDS = 8

/**
 * Time stamps are rescaled here, once. Video: 90 kHz from FLV's milliseconds. Audio: counted in samples. Decoding
 * times of a track always increase; a jump of the encoder's clock is bridged as `Timeline` says. Of several pictures
 * (multitrack) only track 0 is carried; of several sounds the first eight.
 */
export class FlvDepacketizer {
  readonly #timeline = new Timeline()
  readonly #video = new VideoLane(this.#timeline)
  readonly #sounds = new Map<number, AudioLane>()
  readonly #languages = new Map<number, string>()

  /** The frame rate that the publisher's metadata states, for an SPS without timing. Call it before the media. */
  hintFrameRate(frameRate: number): void {
    this.#video.hintFrameRate(frameRate)
  }

  /** The language (BCP 47) of the sound with this track id, as the metadata states it. Call it before the media. */
  hintLanguage(trackId: number, language: string): void {
    this.#languages.set(trackId, language)
  }

  /** Takes one message; its bytes are kept, not copied. Throws `ProtocolError` for garbage. */
  push(kind: 'audio' | 'video', timestampMs: number, body: Uint8Array): FlvEvent[] {
    const packets = kind === 'video' ? parseVideoTag(body) : parseAudioTag(body)
    return packets
      .filter(({ kind }) => kind === 'config' || kind === 'frame' || kind === 'metadata')
      .flatMap(packet =>
        kind === 'video' ? this.#pushVideo(packet, timestampMs) : this.#pushAudio(packet, timestampMs),
      )
  }

  #pushVideo(packet: TagPacket, timestampMs: number): FlvEvent[] {
    const { codec, trackId } = packet
    if (trackId !== 0) return [{ type: 'skipped', reason: 'other_track' }]
    if (!isCarriedVideo(codec))
      return [{ type: 'unsupported', kind: 'video', codec, name: VIDEO_NAMES[codec] ?? printable(codec) }]
    return this.#video.push(codec, packet, timestampMs)
  }

  #pushAudio(packet: TagPacket, timestampMs: number): FlvEvent[] {
    const { codec, trackId } = packet
    const sound = this.#soundOf(trackId)
    if (!sound) return [{ type: 'skipped', reason: 'other_track' }]
    const events: FlvEvent[] = isCarriedAudio(codec)
      ? sound.push(codec, packet, timestampMs)
      : [{ type: 'unsupported', kind: 'audio', codec, name: AUDIO_NAMES[codec] ?? printable(codec) }]
    if (trackId === 0) return events
    // A sound that nobody must hear is left out, where the default one is refused.
    return events.map(event =>
      event.type === 'unsupported' ? { type: 'skipped', reason: 'other_track' } : event,
    )
  }

  /** Undefined: one too many. The default sound always has its place. */
  #soundOf(trackId: number): AudioLane | undefined {
    const known = this.#sounds.get(trackId)
    if (known) return known
    const alternates = this.#sounds.size - (this.#sounds.has(0) ? 1 : 0)
    if (trackId !== 0 && alternates >= MAX_SOUNDS - 1) return undefined
    const sound = new AudioLane(this.#timeline, trackId)
    sound.language = this.#languages.get(trackId)
    this.#sounds.set(trackId, sound)
    return sound
  }
}

/** What a peer calls a codec, safe to show. */
function printable(codec: string): string {
  return codec.replace(/[^\w:.-]/g, '?')
}
