/** Hides how AV1 is stored: its configuration record and the open bitstream units (OBUs) of a temporal unit. */
import type { VideoTrack } from '../access-unit.ts'
import { concatBytes } from '../bytes.ts'
import { ProtocolError } from '../protocol-error.ts'
import { type Av1SequenceHeader, parseSequenceHeader } from './av1-sequence.ts'

/** obu_type, AV1 6.2.2. */
const OBU_SEQUENCE_HEADER = 1
const OBU_TEMPORAL_DELIMITER = 2
const OBU_FRAME_HEADER = 3
const OBU_FRAME = 6
const OBU_PADDING = 15
/** marker = 1, version = 1: AV1-ISOBMFF 2.3.3. */
const RECORD_START = 0x81
const RECORD_HEADER = 4

interface Obu {
  readonly type: number
  readonly hasSize: boolean
  /** With header and size. */
  readonly bytes: Uint8Array
  readonly payload: Uint8Array
}

/** One temporal unit as it is stored: without temporal delimiter, every OBU with its size. */
export interface TemporalUnit {
  /** A shown key frame: decoding may begin here. */
  readonly isKey: boolean
  /** The OBU that describes the stream; every shown key frame should come with one. */
  readonly sequenceHeader: Uint8Array | undefined
  /** A view into what was given where nothing had to be changed. */
  readonly data: Uint8Array
}

/** Reads one temporal unit. Throws `ProtocolError` where a size leads past the end. */
export function readTemporalUnit(data: Uint8Array): TemporalUnit {
  const all = [...obus(data)]
  const kept = all.filter(obu => obu.type !== OBU_TEMPORAL_DELIMITER && obu.type !== OBU_PADDING)
  const frame = kept.find(obu => obu.type === OBU_FRAME || obu.type === OBU_FRAME_HEADER)
  const header = kept.find(obu => obu.type === OBU_SEQUENCE_HEADER)
  const isUntouched = kept.length === all.length && kept.every(obu => obu.hasSize)
  return {
    isKey: frame !== undefined && isShownKeyFrame(frame.payload),
    sequenceHeader: header && withSize(header),
    data: isUntouched ? data : concatBytes(kept.map(withSize)),
  }
}

/**
 * uncompressed_header(), AV1 5.9.2: show_existing_frame = 0, frame_type = KEY_FRAME, show_frame = 1. (Still pictures
 * leave these bits out; nobody streams them.)
 */
function isShownKeyFrame(payload: Uint8Array): boolean {
  return payload.byteLength > 0 && payload[0]! >> 4 === 0b0001
}

/** obu_header() and obu_size, AV1 5.3. */
function* obus(data: Uint8Array): Generator<Obu, void> {
  let at = 0
  while (at < data.byteLength) {
    const header = data[at]!
    const hasSize = (header & 2) !== 0
    const start = at + (header & 4 ? 2 : 1) // obu_extension_flag
    if ((header & 0x80) !== 0 || start > data.byteLength) throw new ProtocolError('AV1 OBU header is broken')
    const size = hasSize ? readLeb128(data, start) : { value: data.byteLength - start, next: start }
    const end = size.next + size.value
    if (end > data.byteLength) throw new ProtocolError('AV1 OBU is longer than its temporal unit')
    const type = (header >> 3) & 0x0f
    yield { type, hasSize, bytes: data.subarray(at, end), payload: data.subarray(size.next, end) }
    at = end
  }
}

function withSize(obu: Obu): Uint8Array {
  if (obu.hasSize) return obu.bytes
  const header = obu.bytes.slice(0, obu.bytes.byteLength - obu.payload.byteLength)
  header[0]! |= 2 // obu_has_size_field
  return concatBytes([header, leb128(obu.payload.byteLength), obu.payload])
}

/** leb128(), AV1 4.10.5. */
function readLeb128(data: Uint8Array, start: number): { value: number; next: number } {
  let value = 0
  for (let index = 0; index < 8; index++) {
    const byte = data[start + index]
    if (byte === undefined) throw new ProtocolError('AV1 OBU size is cut off')
    value += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return { value, next: start + index + 1 }
  }
  throw new ProtocolError('AV1 OBU size is longer than 8 bytes')
}

function leb128(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Uint8Array.of(...bytes, rest)
}

/** The OBUs of a configuration record: the sequence header, if anything. Throws `ProtocolError` where it is none. */
export function configObus(record: Uint8Array): Uint8Array {
  if (record.byteLength < RECORD_HEADER || record[0] !== RECORD_START)
    throw new ProtocolError('AV1 configuration is not one')
  return record.subarray(RECORD_HEADER)
}

/**
 * The track that an AV1CodecConfigurationRecord describes; the record is copied. `hints.frameRate` counts where the
 * sequence header has no timing. Throws `ProtocolError`, also for a record without sequence header.
 */
export function av1Track(record: Uint8Array, hints: { readonly frameRate?: number } = {}): VideoTrack {
  const kept = [...obus(configObus(record))].filter(obu => obu.type !== OBU_TEMPORAL_DELIMITER)
  const header = kept.find(obu => obu.type === OBU_SEQUENCE_HEADER)
  if (!header) throw new ProtocolError('AV1 configuration has no sequence header')
  const sequence = parseSequenceHeader(header.payload)
  const frameRate = sequence.frameRate ?? hints.frameRate
  return {
    kind: 'video',
    codec: 'av1',
    timescale: 90_000,
    decoderConfig: concatBytes([record.subarray(0, RECORD_HEADER), ...kept.map(withSize)]),
    sps: [],
    pps: [],
    codecString: codecString(sequence),
    width: sequence.width,
    height: sequence.height,
    ...(frameRate !== undefined && { frameRate }),
    // Temporal units come in the order in which they are shown.
    maxReorderFrames: 0,
    chroma: sequence.chroma,
    bitDepth: sequence.bitDepth,
    ...(sequence.colour && { colour: sequence.colour }),
  }
}

/** AV1-ISOBMFF 5: `av01.0.04M.08`. */
function codecString({ profile, level, isHighTier, bitDepth }: Av1SequenceHeader): string {
  const two = (value: number) => String(value).padStart(2, '0')
  return `av01.${profile}.${two(level)}${isHighTier ? 'H' : 'M'}.${two(bitDepth)}`
}
