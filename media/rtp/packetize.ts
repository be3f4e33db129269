/** Turns access units into RTP packets: H.264 by RFC 6184 (packetization-mode 1), Opus by RFC 7587. */
import { nalUnits } from '../codecs/h264.ts'

/** Bytes of RTP payload in one packet: with IP, UDP, SRTP and extension headers it stays under 1280. */
const MAX_PAYLOAD_BYTES = 1_188
const HEADER_BYTES = 12

/** One RTP stream's constant and running header fields (RFC 3550 5.1). */
export interface RtpStream {
  readonly ssrc: number
  readonly payloadType: number
  /** The next packet's, 16 bits; the packetisers advance it. */
  sequenceNumber: number
}

const NAL_TYPE_MASK = 0x1f
const NAL_IDR = 5
const NAL_SPS = 7
const NAL_PPS = 8
const NAL_AUD = 9
const NAL_FILLER = 12
const STAP_A = 24
const FU_A = 28

/**
 * Packets of one H.264 access unit (4-byte length-prefixed NAL units), all with `timestamp` (90 kHz, 32 bits).
 * A key frame is preceded by `parameterSets`, since a viewer may join at any of them: RFC 6184 12.2.
 */
export function packetizeH264(
  stream: RtpStream,
  unit: Uint8Array,
  timestamp: number,
  parameterSets: { readonly sps: readonly Uint8Array[]; readonly pps: readonly Uint8Array[] },
): Buffer[] {
  const packets: Buffer[] = []
  const pictures: Uint8Array[] = []
  let isKey = false
  for (const nal of nalUnits(unit)) {
    const type = nal[0]! & NAL_TYPE_MASK
    // Parameter sets are sent from the decoder configuration; delimiters and filler carry nothing.
    if (type === NAL_AUD || type === NAL_FILLER || type === NAL_SPS || type === NAL_PPS) continue
    if (type === NAL_IDR) isKey = true
    pictures.push(nal)
  }
  if (isKey) aggregate(packets, stream, timestamp, [...parameterSets.sps, ...parameterSets.pps])
  for (const nal of pictures) {
    if (nal.byteLength <= MAX_PAYLOAD_BYTES) packets.push(single(stream, timestamp, nal))
    else fragment(packets, stream, timestamp, nal)
  }
  // RFC 6184 5.1: the marker bit is set on the last packet of the access unit.
  const last = packets.at(-1)
  if (last) last[1]! |= 0x80
  return packets
}

/** Packets of parameter sets alone, as they stand before a key frame: RFC 6184 12.2. */
export function packetizeParameterSets(
  stream: RtpStream,
  timestamp: number,
  { sps, pps }: { readonly sps: readonly Uint8Array[]; readonly pps: readonly Uint8Array[] },
): Buffer[] {
  const packets: Buffer[] = []
  aggregate(packets, stream, timestamp, [...sps, ...pps])
  return packets
}

/** The packet of one Opus frame (RFC 7587 4.2); `timestamp` at 48 kHz. `isFirst` marks the start of a talkspurt. */
export function packetizeOpus(
  stream: RtpStream,
  unit: Uint8Array,
  timestamp: number,
  isFirst: boolean,
): Buffer {
  const packet = single(stream, timestamp, unit)
  if (isFirst) packet[1]! |= 0x80
  return packet
}

/** STAP-A, RFC 6184 5.7.1, or single packets where the sets would not fit into one. */
function aggregate(
  packets: Buffer[],
  stream: RtpStream,
  timestamp: number,
  nals: readonly Uint8Array[],
): void {
  const bytes = nals.reduce((sum, nal) => sum + 2 + nal.byteLength, 1)
  if (bytes > MAX_PAYLOAD_BYTES) {
    for (const nal of nals) {
      if (nal.byteLength <= MAX_PAYLOAD_BYTES) packets.push(single(stream, timestamp, nal))
      else fragment(packets, stream, timestamp, nal)
    }
    return
  }
  const packet = header(stream, timestamp, bytes)
  // The F bit is the OR, NRI the maximum of the aggregated ones; parameter sets have the highest.
  packet[HEADER_BYTES] = 0x60 | STAP_A
  let offset = HEADER_BYTES + 1
  for (const nal of nals) {
    packet.writeUInt16BE(nal.byteLength, offset)
    packet.set(nal, offset + 2)
    offset += 2 + nal.byteLength
  }
  packets.push(packet)
}

/** FU-A, RFC 6184 5.8. */
function fragment(packets: Buffer[], stream: RtpStream, timestamp: number, nal: Uint8Array): void {
  const indicator = (nal[0]! & 0xe0) | FU_A
  const type = nal[0]! & NAL_TYPE_MASK
  const room = MAX_PAYLOAD_BYTES - 2
  for (let start = 1; start < nal.byteLength; start += room) {
    const end = Math.min(start + room, nal.byteLength)
    const packet = header(stream, timestamp, 2 + end - start)
    packet[HEADER_BYTES] = indicator
    packet[HEADER_BYTES + 1] = type | (start === 1 ? 0x80 : 0) | (end === nal.byteLength ? 0x40 : 0)
    packet.set(nal.subarray(start, end), HEADER_BYTES + 2)
    packets.push(packet)
  }
}

function single(stream: RtpStream, timestamp: number, payload: Uint8Array): Buffer {
  const packet = header(stream, timestamp, payload.byteLength)
  packet.set(payload, HEADER_BYTES)
  return packet
}

/** RFC 3550 5.1: version 2, no padding, extension or CSRC. */
function header(stream: RtpStream, timestamp: number, payloadBytes: number): Buffer {
  const packet = Buffer.allocUnsafe(HEADER_BYTES + payloadBytes)
  packet[0] = 0x80
  packet[1] = stream.payloadType
  packet.writeUInt16BE(stream.sequenceNumber, 2)
  packet.writeUInt32BE(timestamp >>> 0, 4)
  packet.writeUInt32BE(stream.ssrc, 8)
  stream.sequenceNumber = (stream.sequenceNumber + 1) & 0xffff
  return packet
}
