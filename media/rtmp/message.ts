/** Names RTMP's messages (Adobe RTMP 1.0, sections 5.4, 6.2 and 7.1) and writes the control messages. */
import { concatBytes, writeUint32 } from '../bytes.ts'
import { ProtocolError } from '../protocol-error.ts'
import { type AmfValue, decodeAmf0, encodeAmf0 } from './amf0.ts'

export interface RtmpMessage {
  readonly typeId: number
  /** Message stream id: 0 is the connection itself. */
  readonly streamId: number
  /** Unsigned 32-bit milliseconds. */
  readonly timestamp: number
  readonly payload: Uint8Array
}

export const SET_CHUNK_SIZE = 1
export const ABORT = 2
export const ACKNOWLEDGEMENT = 3
export const USER_CONTROL = 4
export const WINDOW_ACKNOWLEDGEMENT_SIZE = 5
export const SET_PEER_BANDWIDTH = 6
export const AUDIO = 8
export const VIDEO = 9
export const DATA_AMF3 = 15
export const COMMAND_AMF3 = 17
export const DATA_AMF0 = 18
export const COMMAND_AMF0 = 20

// user control event types, section 7.1.7
export const STREAM_BEGIN = 0
export const STREAM_EOF = 1
export const PING_REQUEST = 6
export const PING_RESPONSE = 7

const BANDWIDTH_LIMIT_DYNAMIC = 2
const MAX_COMMAND_BYTES = 262_144

/** A protocol control message with one 32-bit field: chunk size, acknowledgement, window size. */
export function controlMessage(typeId: number, value: number): RtmpMessage {
  return { typeId, streamId: 0, timestamp: 0, payload: uint32(value) }
}

export function setPeerBandwidth(bytes: number): RtmpMessage {
  const payload = concatBytes([uint32(bytes), Uint8Array.of(BANDWIDTH_LIMIT_DYNAMIC)])
  return { typeId: SET_PEER_BANDWIDTH, streamId: 0, timestamp: 0, payload }
}

export function userControl(event: number, value: number): RtmpMessage {
  const payload = concatBytes([Uint8Array.of(event >> 8, event), uint32(value)])
  return { typeId: USER_CONTROL, streamId: 0, timestamp: 0, payload }
}

export function commandMessage(streamId: number, ...values: AmfValue[]): RtmpMessage {
  return { typeId: COMMAND_AMF0, streamId, timestamp: 0, payload: encodeAmf0(...values) }
}

export function dataMessage(streamId: number, ...values: AmfValue[]): RtmpMessage {
  return { typeId: DATA_AMF0, streamId, timestamp: 0, payload: encodeAmf0(...values) }
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  writeUint32(bytes, 0, value)
  return bytes
}

/**
 * The AMF0 values of a command or data message; those for AMF3 have one byte before them, section 7.1.1. Throws
 * `ProtocolError` for garbage.
 */
export function decodeMessage({ typeId, payload }: RtmpMessage): AmfValue[] {
  if (payload.byteLength > MAX_COMMAND_BYTES) throw new ProtocolError('command is too long')
  const isAmf3 = typeId === COMMAND_AMF3 || typeId === DATA_AMF3
  return decodeAmf0(isAmf3 ? payload.subarray(1) : payload)
}
