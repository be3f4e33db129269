/** Hides how a video or audio message of RTMP (the same bytes are the body of an FLV tag) is framed. */
import { concatBytes, readInt24, readUint16, readUint24, writeUint24 } from '../bytes.ts'
import { ProtocolError } from '../protocol-error.ts'

/** What one message holds for one track. A message of Enhanced RTMP may hold several tracks. */
export interface TagPacket {
  /** 0 is the default track, and the only one of legacy framing. */
  readonly trackId: number
  /** FourCC of Enhanced RTMP; legacy AVC, HEVC and AAC are `avc1`, `hvc1`, `mp4a`, others `flv:2` by their number. */
  readonly codec: string
  /**
   * `config`: decoder configuration. `frame`: one coded frame. `end`: end of sequence. `metadata`: what is to be known of the
   * picture. `other`: nothing decodable.
   */
  readonly kind: 'config' | 'frame' | 'end' | 'metadata' | 'other'
  /** Presentation less decoding time in milliseconds, negative ones too. */
  readonly compositionMs: number
  /** A view into the message. */
  readonly data: Uint8Array
}

type PacketKind = TagPacket['kind']

const MAX_TRACKS = 256

// Enhanced RTMP v2, "Extended VideoTagHeader" and "Extended AudioTagHeader"
const VIDEO_KINDS: Record<number, PacketKind> = {
  0: 'config',
  1: 'frame',
  2: 'end',
  3: 'frame',
  4: 'metadata',
  5: 'other',
}
const AUDIO_KINDS: Record<number, PacketKind> = { 0: 'config', 1: 'frame', 2: 'end', 4: 'other' }
const VIDEO_CODED_FRAMES = 1
const VIDEO_METADATA = 4
const AUDIO_MULTITRACK = 5
const VIDEO_MULTITRACK = 6
const MOD_EX = 7
const VIDEO_COMMAND = 5
const CODECS_WITH_COMPOSITION_TIME = new Set(['avc1', 'hvc1', 'vvc1'])

/** Parses a video message. Throws `ProtocolError` where it is cut off or says what does not exist. */
export function parseVideoTag(body: Uint8Array): TagPacket[] {
  if (body.byteLength === 0) return []
  const first = body[0]!
  if (first & 0x80) return new ExtendedTag('video', body).packets()
  // FLV 10.1 E.4.3.1: an info or command frame carries no picture
  if (first >> 4 === VIDEO_COMMAND) return []
  const codec = LEGACY_NAL_CODECS[first & 0x0f]
  if (!codec) return [{ ...LEGACY, codec: `flv:${first & 0x0f}`, kind: 'frame', data: body.subarray(1) }]
  if (body.byteLength < 5) throw new ProtocolError('AVC video tag is cut off')
  const kind = LEGACY_AVC_KINDS[body[1]!]
  if (!kind) throw new ProtocolError(`AVC packet type ${body[1]} does not exist`)
  const compositionMs = kind === 'frame' ? readInt24(body, 2) : 0
  return [{ trackId: 0, codec, kind, compositionMs, data: body.subarray(5) }]
}

/** Parses an audio message. Throws `ProtocolError` where it is cut off or says what does not exist. */
export function parseAudioTag(body: Uint8Array): TagPacket[] {
  if (body.byteLength === 0) return []
  const format = body[0]! >> 4
  if (format === 9) return new ExtendedTag('audio', body).packets()
  if (format !== 10) return [{ ...LEGACY, codec: `flv:${format}`, kind: 'frame', data: body.subarray(1) }]
  if (body.byteLength < 2) throw new ProtocolError('AAC audio tag is cut off')
  if (body[1]! > 1) throw new ProtocolError(`AAC packet type ${body[1]} does not exist`)
  return [{ ...LEGACY, codec: 'mp4a', kind: body[1] === 0 ? 'config' : 'frame', data: body.subarray(2) }]
}

const LEGACY = { trackId: 0, compositionMs: 0 } as const
/** By codec id; 12 is no part of FLV 10.1, but what many encoders sent for HEVC before Enhanced RTMP. */
const LEGACY_NAL_CODECS: Record<number, string> = { 7: 'avc1', 12: 'hvc1' }
const LEGACY_AVC_KINDS: readonly PacketKind[] = ['config', 'frame', 'end']

/** The extended header of Enhanced RTMP v2, the same for video and audio but for a few numbers. */
class ExtendedTag {
  readonly #medium: 'video' | 'audio'
  readonly #body: Uint8Array
  #at = 1

  constructor(medium: 'video' | 'audio', body: Uint8Array) {
    this.#medium = medium
    this.#body = body
  }

  packets(): TagPacket[] {
    let packetType = this.#skipModifiers(this.#body[0]! & 0x0f)
    const isCommand = this.#medium === 'video' && ((this.#body[0]! >> 4) & 7) === VIDEO_COMMAND
    if (isCommand && packetType !== VIDEO_METADATA) return []
    if (packetType !== (this.#medium === 'video' ? VIDEO_MULTITRACK : AUDIO_MULTITRACK)) {
      const codec = this.#fourCc()
      return [this.#packet(0, codec, packetType, this.#body.byteLength)]
    }
    const multitrack = this.#byte()
    packetType = multitrack & 0x0f
    switch (multitrack >> 4) {
      case 0: {
        const codec = this.#fourCc()
        return [this.#packet(this.#byte(), codec, packetType, this.#body.byteLength)]
      }
      case 1:
        return this.#manyTracks(packetType, this.#fourCc())
      case 2:
        return this.#manyTracks(packetType, undefined)
      default:
        throw new ProtocolError(`multitrack type ${multitrack >> 4} does not exist`)
    }
  }

  /** ModEx: prefixes that refine the packet (a nanosecond offset), each of its own length; ours may be skipped. */
  #skipModifiers(first: number): number {
    let packetType = first
    while (packetType === MOD_EX) {
      let size = this.#byte() + 1
      if (size === 256) {
        this.#need(2)
        size = readUint16(this.#body, this.#at) + 1
        this.#at += 2
      }
      this.#need(size)
      this.#at += size
      packetType = this.#byte() & 0x0f
    }
    return packetType
  }

  /** `codec` is undefined where every track names its own. */
  #manyTracks(packetType: number, codec: string | undefined): TagPacket[] {
    const packets: TagPacket[] = []
    while (this.#at < this.#body.byteLength) {
      if (packets.length === MAX_TRACKS) throw new ProtocolError('message has more than 256 tracks')
      const trackCodec = codec ?? this.#fourCc()
      const trackId = this.#byte()
      this.#need(3)
      const end = this.#at + 3 + readUint24(this.#body, this.#at)
      this.#at += 3
      if (end > this.#body.byteLength) throw new ProtocolError('track is longer than its message')
      packets.push(this.#packet(trackId, trackCodec, packetType, end))
    }
    return packets
  }

  #packet(trackId: number, codec: string, packetType: number, end: number): TagPacket {
    const kind = (this.#medium === 'video' ? VIDEO_KINDS : AUDIO_KINDS)[packetType]
    if (!kind) throw new ProtocolError(`${this.#medium} packet type ${packetType} does not exist`)
    let compositionMs = 0
    if (
      this.#medium === 'video' &&
      packetType === VIDEO_CODED_FRAMES &&
      CODECS_WITH_COMPOSITION_TIME.has(codec)
    ) {
      if (this.#at + 3 > end) throw new ProtocolError('coded frame is cut off')
      compositionMs = readInt24(this.#body, this.#at)
      this.#at += 3
    }
    const data = this.#body.subarray(this.#at, end)
    this.#at = end
    return { trackId, codec, kind, compositionMs, data }
  }

  #fourCc(): string {
    this.#need(4)
    const code = String.fromCharCode(...this.#body.subarray(this.#at, this.#at + 4))
    this.#at += 4
    return code
  }

  #byte(): number {
    this.#need(1)
    return this.#body[this.#at++]!
  }

  #need(count: number): void {
    if (this.#at + count > this.#body.byteLength)
      throw new ProtocolError(`${this.#medium} message is cut off`)
  }
}

/** A legacy video message with an AVC decoder configuration record: the sequence header. */
export function avcSequenceHeader(decoderConfig: Uint8Array): Uint8Array {
  return concatBytes([Uint8Array.of(0x17, 0, 0, 0, 0), decoderConfig])
}

/** A legacy video message with one frame of length-prefixed NAL units; `compositionMs` may be negative. */
export function avcFrame(options: { isKey: boolean; compositionMs: number; data: Uint8Array }): Uint8Array {
  const header = Uint8Array.of(options.isKey ? 0x17 : 0x27, 1, 0, 0, 0)
  writeUint24(header, 2, options.compositionMs)
  return concatBytes([header, options.data])
}

/** The FourCC by which Enhanced RTMP names a codec of the picture that legacy FLV has no number for. */
export type VideoFourCc = 'hvc1' | 'av01'

/** A video message of Enhanced RTMP with a decoder configuration record: the sequence header (PacketType 0). */
export function extendedSequenceHeader(fourCc: VideoFourCc, decoderConfig: Uint8Array): Uint8Array {
  return concatBytes([Uint8Array.of(0x90), fourCcBytes(fourCc), decoderConfig])
}

/** A video message of Enhanced RTMP with one frame (PacketType 1); only HEVC's carries `compositionMs`. */
export function extendedFrame(options: {
  fourCc: VideoFourCc
  isKey: boolean
  compositionMs: number
  data: Uint8Array
}): Uint8Array {
  const first = Uint8Array.of(0x80 | ((options.isKey ? 1 : 2) << 4) | VIDEO_CODED_FRAMES)
  const composition = new Uint8Array(CODECS_WITH_COMPOSITION_TIME.has(options.fourCc) ? 3 : 0)
  if (composition.byteLength > 0) writeUint24(composition, 0, options.compositionMs)
  return concatBytes([first, fourCcBytes(options.fourCc), composition, options.data])
}

function fourCcBytes(fourCc: VideoFourCc): Uint8Array {
  return Uint8Array.from(fourCc, character => character.charCodeAt(0))
}

/** The first byte of every AAC message: FLV 10.1 E.4.2.1 fixes "44 kHz, 16 bit, stereo" whatever the truth. */
const AAC_HEADER = 0xaf

/** A legacy audio message with an AudioSpecificConfig: the sequence header. */
export function aacSequenceHeader(decoderConfig: Uint8Array): Uint8Array {
  return concatBytes([Uint8Array.of(AAC_HEADER, 0), decoderConfig])
}

/** A legacy audio message with one raw AAC frame. */
export function aacFrame(data: Uint8Array): Uint8Array {
  return concatBytes([Uint8Array.of(AAC_HEADER, 1), data])
}
