/** Hides the FLV file: the header and tags around the messages, as ffmpeg writes and reads them on a pipe. */
import { concatBytes, readUint24, readUint32, writeUint24, writeUint32 } from '../bytes.ts'
import { ProtocolError } from '../protocol-error.ts'

export interface FlvTag {
  readonly type: 'audio' | 'video' | 'script'
  /** Unsigned 32-bit milliseconds. */
  readonly timestampMs: number
  /** A copy, made for this tag. */
  readonly body: Uint8Array
}

const TAG_TYPES = { audio: 8, video: 9, script: 18 } as const
const TYPE_NAMES: Record<number, FlvTag['type']> = { 8: 'audio', 9: 'video', 18: 'script' }
const FILE_HEADER = 9
const TAG_HEADER = 11
const PREVIOUS_SIZE = 4
const MAX_BODY = 10 * 1024 * 1024

/** The file header with the empty PreviousTagSize behind it, FLV 10.1 E.2. */
export function flvHeader(has: { hasVideo: boolean; hasAudio: boolean }): Uint8Array {
  const flags = (has.hasAudio ? 4 : 0) | (has.hasVideo ? 1 : 0)
  return Uint8Array.of(0x46, 0x4c, 0x56, 1, flags, 0, 0, 0, FILE_HEADER, 0, 0, 0, 0)
}

/** One tag with its PreviousTagSize, FLV 10.1 E.4.1. `timestampMs` is taken modulo 2^32. */
export function flvTag(type: FlvTag['type'], timestampMs: number, body: Uint8Array): Uint8Array {
  const header = new Uint8Array(TAG_HEADER)
  header[0] = TAG_TYPES[type]
  writeUint24(header, 1, body.byteLength)
  writeUint24(header, 4, timestampMs & 0xffffff)
  header[7] = (timestampMs >>> 24) & 0xff // TimestampExtended
  const trailer = new Uint8Array(PREVIOUS_SIZE)
  writeUint32(trailer, 0, TAG_HEADER + body.byteLength)
  return concatBytes([header, body, trailer])
}

type State = 'fileHeader' | 'skip' | 'tagHeader' | 'body' | 'previousSize'

/** Push parser of an FLV byte stream, cut anywhere. One tag's body (at most 10 MB) is held at a time. */
export class FlvDemuxer {
  #state: State = 'fileHeader'
  /** What the state is collecting, and how much of it has arrived. */
  #wanted: Uint8Array = new Uint8Array(FILE_HEADER)
  #filled = 0
  #type: FlvTag['type'] | undefined
  #timestampMs = 0

  /** The tags completed by `bytes`. Throws `ProtocolError` for what is not FLV; then the demuxer is spent. */
  push(bytes: Uint8Array): FlvTag[] {
    const tags: FlvTag[] = []
    let at = 0
    for (;;) {
      const take = Math.min(this.#wanted.byteLength - this.#filled, bytes.byteLength - at)
      if (take > 0) this.#wanted.set(bytes.subarray(at, at + take), this.#filled)
      at += take
      this.#filled += take
      if (this.#filled < this.#wanted.byteLength) return tags
      const tag = this.#advance(this.#wanted)
      if (tag) tags.push(tag)
      if (at === bytes.byteLength && this.#wanted.byteLength > 0) return tags
    }
  }

  /** The collected field is complete: takes it and says what comes next. */
  #advance(field: Uint8Array): FlvTag | undefined {
    switch (this.#state) {
      case 'fileHeader':
        this.#collect('skip', readFileHeader(field) - FILE_HEADER)
        return undefined
      case 'skip':
        this.#collect('previousSize', PREVIOUS_SIZE)
        return undefined
      case 'previousSize':
        this.#collect('tagHeader', TAG_HEADER)
        return undefined
      case 'tagHeader':
        this.#startTag(field)
        return undefined
      case 'body': {
        this.#collect('previousSize', PREVIOUS_SIZE)
        return this.#type && { type: this.#type, timestampMs: this.#timestampMs, body: field }
      }
    }
  }

  #startTag(header: Uint8Array): void {
    const size = readUint24(header, 1)
    if (size > MAX_BODY) throw new ProtocolError(`FLV tag of ${size} bytes is over the limit`)
    if (header[0]! & 0x20) throw new ProtocolError('FLV tag is encrypted')
    this.#type = TYPE_NAMES[header[0]! & 0x1f]
    this.#timestampMs = ((header[7]! << 24) | readUint24(header, 4)) >>> 0
    this.#collect('body', size)
  }

  #collect(state: State, length: number): void {
    this.#state = state
    this.#wanted = new Uint8Array(length)
    this.#filled = 0
  }
}

/** The length that the header states for itself. */
function readFileHeader(header: Uint8Array): number {
  if (readUint24(header, 0) !== 0x464c56) throw new ProtocolError('not an FLV stream')
  const length = readUint32(header, 5)
  if (length < FILE_HEADER || length > 1024)
    throw new ProtocolError(`FLV header of ${length} bytes is not possible`)
  return length
}
