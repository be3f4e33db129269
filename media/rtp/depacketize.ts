/** Hides the RTP packet: its header fields, and the order in which packets were sent. */
import { readUint16, readUint32 } from '../bytes.ts'
import { ProtocolError } from '../protocol-error.ts'

/** What of a packet counts for its receiver (RFC 3550 5.1). */
export interface RtpPacket {
  /** 16 bits. */
  readonly sequenceNumber: number
  /** 32 bits. */
  readonly timestamp: number
  readonly hasMarker: boolean
  /** A view of the packet. */
  readonly payload: Uint8Array
}

const HEADER_BYTES = 12

/** Throws `ProtocolError` for what is no packet of version 2, or is shorter than it says. */
export function readRtpPacket(packet: Uint8Array): RtpPacket {
  if (packet.byteLength < HEADER_BYTES || packet[0]! >> 6 !== 2)
    throw new ProtocolError('RTP packet is not one')
  const hasPadding = (packet[0]! & 0x20) !== 0
  const hasExtension = (packet[0]! & 0x10) !== 0
  let start = HEADER_BYTES + (packet[0]! & 0x0f) * 4
  if (hasExtension) {
    if (start + 4 > packet.byteLength) throw new ProtocolError('RTP header extension is cut off')
    start += 4 + readUint16(packet, start + 2) * 4
  }
  const end = packet.byteLength - (hasPadding ? packet.at(-1)! : 0)
  if (start > end) throw new ProtocolError('RTP header and padding are longer than the packet')
  return {
    sequenceNumber: readUint16(packet, 2),
    timestamp: readUint32(packet, 4),
    hasMarker: packet[1]! >= 0x80,
    payload: packet.subarray(start, end),
  }
}

/** A packet in its place. */
export interface OrderedPacket extends RtpPacket {
  /** Nothing is missing between it and the one before. */
  readonly isContinuous: boolean
}

/** Held beyond a gap; more than a second of 8 Mb/s. */
const MAX_HELD_PACKETS = 1_024
/** RFC 3550 A.1: a longer way than this is not a gap but another beginning. */
const MAX_STEP = 3_000

interface HeldPacket {
  readonly packet: RtpPacket
  readonly arrivedAt: number
}

/**
 * Packets as they arrive, out in the order of their numbers. What comes behind a gap is held until the gap is filled,
 * for at most `waitMs` and 1,024 packets; then the missing ones are given up.
 */
export class PacketOrder {
  readonly #waitMs: number
  /** By sequence number, in the order of arrival; all of them lie behind a gap. */
  readonly #held = new Map<number, HeldPacket>()
  /** The number that comes next; undefined before the first packet. */
  #next: number | undefined

  constructor(options: { readonly waitMs: number }) {
    this.#waitMs = options.waitMs
  }

  /** What can go on now, first sent first. Copies and what was given up before are left out. `nowMs`: any steady clock. */
  push(packet: RtpPacket, nowMs: number): OrderedPacket[] {
    const released: OrderedPacket[] = []
    const step = this.#next === undefined ? 0 : signed16(packet.sequenceNumber - this.#next)
    if (this.#next === undefined || Math.abs(step) > MAX_STEP) {
      this.#held.clear()
      this.#release(released, packet, false)
    } else if (step === 0) {
      this.#release(released, packet, true)
    } else if (step > 0 && !this.#held.has(packet.sequenceNumber)) {
      this.#held.set(packet.sequenceNumber, { packet, arrivedAt: nowMs })
    }
    this.#releaseHeld(released)
    while (this.#isGivenUp(nowMs)) {
      this.#release(released, this.#nearestHeld(), false)
      this.#releaseHeld(released)
    }
    return released
  }

  #release(released: OrderedPacket[], packet: RtpPacket, isContinuous: boolean): void {
    this.#held.delete(packet.sequenceNumber)
    released.push({ ...packet, isContinuous })
    this.#next = (packet.sequenceNumber + 1) & 0xffff
  }

  #releaseHeld(released: OrderedPacket[]): void {
    for (let held = this.#held.get(this.#next!); held; held = this.#held.get(this.#next!))
      this.#release(released, held.packet, true)
  }

  /** The gap has been known since the first of what is held arrived. */
  #isGivenUp(nowMs: number): boolean {
    const { value: oldest } = this.#held.values().next()
    return (
      oldest !== undefined && (nowMs - oldest.arrivedAt > this.#waitMs || this.#held.size > MAX_HELD_PACKETS)
    )
  }

  #nearestHeld(): RtpPacket {
    const held = [...this.#held.values()].map(({ packet }) => packet)
    const distance = (packet: RtpPacket) => signed16(packet.sequenceNumber - this.#next!)
    return held.reduce((nearest, packet) => (distance(packet) < distance(nearest) ? packet : nearest))
  }
}

/** The shorter way round from one 16-bit number to another. */
function signed16(difference: number): number {
  return (difference << 16) >> 16
}
