/** Hides on which chunk stream each kind of message travels (Adobe RTMP 1.0, sections 5.3 and 5.4). */
import { concatBytes } from '../bytes.ts'
import { ChunkWriter } from './chunk.ts'
import { AUDIO, DATA_AMF0, type RtmpMessage, SET_PEER_BANDWIDTH, VIDEO } from './message.ts'

// Control messages go on 2, section 5.4; the others are ours to choose.
const CONTROL_CHUNKS = 2
const COMMAND_CHUNKS = 3
const STREAM_CHUNKS = 5
const MEDIA_CHUNKS = { audio: 4, script: STREAM_CHUNKS, video: 6 } as const
const MEDIA_TYPES = { audio: AUDIO, script: DATA_AMF0, video: VIDEO } as const

export type MediaType = keyof typeof MEDIA_TYPES

export class MessageWriter {
  readonly #chunks = new ChunkWriter()

  /** The peer must have been told before a message is written with it. */
  set chunkSize(bytes: number) {
    this.#chunks.chunkSize = bytes
  }

  /** Control messages, commands and data, one after the other. */
  write(...messages: readonly RtmpMessage[]): Uint8Array {
    const [only, ...others] = messages.map(each => this.#chunks.write(chunkStreamOf(each), each))
    return only && others.length === 0 ? only : concatBytes(only ? [only, ...others] : [])
  }

  /** One message of media; its time is taken modulo 2^32. */
  media(streamId: number, type: MediaType, timestampMs: number, payload: Uint8Array): Uint8Array {
    const timestamp = timestampMs % 2 ** 32
    return this.#chunks.write(MEDIA_CHUNKS[type], { typeId: MEDIA_TYPES[type], streamId, timestamp, payload })
  }
}

function chunkStreamOf({ typeId, streamId }: RtmpMessage): number {
  if (typeId <= SET_PEER_BANDWIDTH) return CONTROL_CHUNKS
  return streamId === 0 ? COMMAND_CHUNKS : STREAM_CHUNKS
}
