/** Hides RTMP's chunk stream (Adobe RTMP 1.0, section 5.3): messages cut into interleaved chunks. */
import { concatBytes, readUint24, readUint32, writeUint24, writeUint32 } from '../bytes.ts'
import { ProtocolError } from '../protocol-error.ts'
import { ABORT, type RtmpMessage, SET_CHUNK_SIZE } from './message.ts'

const DEFAULT_CHUNK_SIZE = 128
const MAX_CHUNK_SIZE = 0x7fffffff
const MAX_MESSAGE = 10 * 1024 * 1024
/** All unfinished messages of a connection together. */
const MAX_UNFINISHED = 16 * 1024 * 1024
/** What is reserved for a message before its bytes have arrived. */
const FIRST_RESERVE = 65_536
const EXTENDED = 0xffffff
/** Message header by fmt, section 5.3.1.2. */
const HEADER_SIZES = [11, 7, 3, 0] as const
const NOTHING = new Uint8Array(0)

/** What headers of a chunk stream leave out because it was said before, and the message being put together. */
interface ChunkStream {
  typeId: number
  streamId: number
  length: number
  timestamp: number
  /** The last time stamp field: fmt 3 starts its message that much later (section 5.3.1.2.4). */
  delta: number
  isExtended: boolean
  payload: Uint8Array | undefined
  filled: number
}

/**
 * Push parser. Chunk size and abort messages are obeyed here and not passed on. Memory follows what has arrived:
 * at most 16 MB unfinished, one message at most 10 MB, chunk streams 2 to 63.
 */
export class ChunkReader {
  readonly #streams = new Map<number, ChunkStream>()
  #chunkSize = DEFAULT_CHUNK_SIZE
  /** The start of a chunk header whose rest has not arrived. */
  #carry: Uint8Array = NOTHING
  #current: ChunkStream | undefined
  #leftInChunk = 0
  #unfinished = 0

  /** The messages completed by `bytes`; their payloads are copies. Throws `ProtocolError`; then the reader is spent. */
  push(input: Uint8Array): RtmpMessage[] {
    const messages: RtmpMessage[] = []
    let bytes = input
    if (this.#carry.byteLength > 0) {
      bytes = concatBytes([this.#carry, input])
      this.#carry = NOTHING
    }
    let at = 0
    while (at < bytes.byteLength) {
      if (!this.#current) {
        const end = this.#readHeader(bytes, at)
        if (end === undefined) {
          this.#carry = new Uint8Array(bytes.subarray(at)) // the socket may use its buffer again
          break
        }
        at = end
      }
      at += this.#fill(bytes, at, messages)
    }
    return messages
  }

  /** Where the header at `at` ends; undefined, and nothing changed, where more bytes are needed to tell. */
  #readHeader(bytes: Uint8Array, at: number): number | undefined {
    const format = bytes[at]! >> 6
    const id = bytes[at]! & 0x3f
    if (id < 2) throw new ProtocolError('chunk stream ids above 63 are not accepted')
    const start = at + 1
    let end = start + HEADER_SIZES[format]!
    if (end > bytes.byteLength) return undefined
    const known = this.#streams.get(id)
    // librtmp opens chunk stream 2 with fmt 1, leaving out the message stream id, which is 0
    if (!known && format > 1) throw new ProtocolError('chunk refers to a header that was never sent')
    if (known?.payload && format < 3) throw new ProtocolError('message starts within another')
    const stream = known ?? newStream()
    let field = format < 3 ? readUint24(bytes, start) : stream.delta
    const isExtended = format < 3 ? field === EXTENDED : stream.isExtended
    if (isExtended) {
      const size = format < 3 ? 4 : repeatedTimestampSize(bytes, end, stream)
      if (size === undefined || end + size > bytes.byteLength) return undefined
      if (format < 3) field = readUint32(bytes, end)
      end += size
    }
    if (!known) this.#streams.set(id, stream)
    if (format < 2) {
      stream.length = readUint24(bytes, start + 3)
      stream.typeId = bytes[start + 6]!
    }
    // the one little-endian field of RTMP, section 5.3.1.2.1
    if (format === 0)
      stream.streamId = new DataView(bytes.buffer, bytes.byteOffset + start + 7).getUint32(0, true)
    if (!stream.payload) this.#startMessage(stream, format === 0 ? field : (stream.timestamp + field) >>> 0)
    stream.delta = field
    stream.isExtended = isExtended
    this.#current = stream
    this.#leftInChunk = Math.min(this.#chunkSize, stream.length - stream.filled)
    return end
  }

  #startMessage(stream: ChunkStream, timestamp: number): void {
    if (stream.length > MAX_MESSAGE)
      throw new ProtocolError(`message of ${stream.length} bytes is over the limit`)
    stream.timestamp = timestamp
    stream.filled = 0
    stream.payload = this.#reserve(Math.min(stream.length, FIRST_RESERVE), 0)
  }

  #reserve(size: number, released: number): Uint8Array {
    this.#unfinished += size - released
    if (this.#unfinished > MAX_UNFINISHED) throw new ProtocolError('too many unfinished messages')
    return new Uint8Array(size)
  }

  /** Takes what belongs to the current chunk; returns how many bytes that was. */
  #fill(bytes: Uint8Array, at: number, messages: RtmpMessage[]): number {
    const stream = this.#current!
    let payload = stream.payload!
    const take = Math.min(this.#leftInChunk, bytes.byteLength - at)
    const filled = stream.filled + take
    if (filled > payload.byteLength) {
      const size = Math.min(stream.length, Math.max(filled, payload.byteLength * 2))
      const larger = this.#reserve(size, payload.byteLength)
      larger.set(payload.subarray(0, stream.filled))
      stream.payload = payload = larger
    }
    payload.set(bytes.subarray(at, at + take), stream.filled)
    stream.filled = filled
    this.#leftInChunk -= take
    if (filled === stream.length) this.#finish(stream, payload, messages)
    if (this.#leftInChunk === 0) this.#current = undefined
    return take
  }

  #finish(stream: ChunkStream, payload: Uint8Array, messages: RtmpMessage[]): void {
    this.#discard(stream)
    if (stream.typeId === SET_CHUNK_SIZE) this.#setChunkSize(payload)
    else if (stream.typeId === ABORT) this.#abort(payload)
    else
      messages.push({
        typeId: stream.typeId,
        streamId: stream.streamId,
        timestamp: stream.timestamp,
        payload,
      })
  }

  #discard(stream: ChunkStream): void {
    this.#unfinished -= stream.payload?.byteLength ?? 0
    stream.payload = undefined
    stream.filled = 0
  }

  /** Section 5.4.1: 0 and the top bit are not allowed. A large one costs nothing, as a chunk ends with its message. */
  #setChunkSize(payload: Uint8Array): void {
    const size = payload.byteLength === 4 ? readUint32(payload, 0) : 0
    if (size < 1 || size > MAX_CHUNK_SIZE) throw new ProtocolError('chunk size is not possible')
    this.#chunkSize = size
  }

  /** Section 5.4.2. */
  #abort(payload: Uint8Array): void {
    if (payload.byteLength !== 4) throw new ProtocolError('abort message is not 4 bytes')
    const stream = this.#streams.get(readUint32(payload, 0))
    if (stream) this.#discard(stream)
  }
}

function newStream(): ChunkStream {
  return {
    typeId: 0,
    streamId: 0,
    length: 0,
    timestamp: 0,
    delta: 0,
    isExtended: false,
    payload: undefined,
    filled: 0,
  }
}

/**
 * Section 5.3.1.3: fmt 3 repeats the extended time stamp; but some publishers leave it out. The four bytes are taken
 * for a time stamp only if they say what the last one did. Undefined: too few bytes to tell.
 */
function repeatedTimestampSize(bytes: Uint8Array, at: number, stream: ChunkStream): 0 | 4 | undefined {
  const available = Math.min(4, bytes.byteLength - at)
  const isRepeated = [stream.delta, stream.timestamp].some(value => {
    for (let index = 0; index < available; index++)
      if (bytes[at + index] !== ((value >>> (24 - 8 * index)) & 0xff)) return false
    return true
  })
  if (!isRepeated) return 0
  return available === 4 ? 4 : undefined
}

/** Writes each message with a full header (fmt 0) and continuations (fmt 3). */
export class ChunkWriter {
  /** The peer must have been told before a message is written with it. */
  chunkSize = DEFAULT_CHUNK_SIZE

  /** The chunks of one message on chunk stream `id`, 2 to 63. */
  write(id: number, message: RtmpMessage): Uint8Array {
    const { payload, timestamp } = message
    const isExtended = timestamp >= EXTENDED
    const header = new Uint8Array(12 + (isExtended ? 4 : 0))
    header[0] = id
    writeUint24(header, 1, isExtended ? EXTENDED : timestamp)
    writeUint24(header, 4, payload.byteLength)
    header[7] = message.typeId
    new DataView(header.buffer).setUint32(8, message.streamId, true)
    if (isExtended) writeUint32(header, 12, timestamp)
    const continuation = header.slice(11)
    continuation[0] = 0xc0 | id
    const parts = [header, payload.subarray(0, this.chunkSize)]
    for (let at = this.chunkSize; at < payload.byteLength; at += this.chunkSize)
      parts.push(continuation, payload.subarray(at, at + this.chunkSize))
    return concatBytes(parts)
  }
}
