/** A small RTP reader for the tests, written from RFC 3550 and RFC 6184 alone: packets back to NAL units. */

export interface RtpPacket {
  readonly marker: boolean
  readonly payloadType: number
  readonly sequenceNumber: number
  readonly timestamp: number
  readonly ssrc: number
  readonly payload: Buffer
}

/** Throws for anything but a plain version 2 header without padding, extension or CSRC. */
export function readRtp(packet: Buffer): RtpPacket {
  if (packet[0] !== 0x80) throw new Error(`first byte ${packet[0]}`)
  return {
    marker: packet[1]! >= 0x80,
    payloadType: packet[1]! & 0x7f,
    sequenceNumber: packet.readUInt16BE(2),
    timestamp: packet.readUInt32BE(4),
    ssrc: packet.readUInt32BE(8),
    payload: packet.subarray(12),
  }
}

/** RFC 6184 5.6 to 5.8, packetization-mode 1, in order and without loss. */
export function readNalUnits(packets: readonly Buffer[]): Buffer[] {
  const nals: Buffer[] = []
  let fragments: Buffer[] | undefined
  for (const { payload } of packets.map(readRtp)) {
    const type = payload[0]! & 0x1f
    if (type !== 28 && fragments) throw new Error('a fragmented NAL unit has no end')
    if (type === 24) nals.push(...readAggregate(payload))
    else if (type === 28) fragments = readFragment(payload, fragments, nals)
    else if (type >= 1 && type <= 23) nals.push(payload)
    else throw new Error(`NAL unit type ${type} does not exist in packetization-mode 1`)
  }
  if (fragments) throw new Error('a fragmented NAL unit has no end')
  return nals
}

function readAggregate(payload: Buffer): Buffer[] {
  const nals: Buffer[] = []
  for (let at = 1; at < payload.length; ) {
    const end = at + 2 + payload.readUInt16BE(at)
    if (end > payload.length) throw new Error('an aggregated NAL unit is longer than its packet')
    nals.push(payload.subarray(at + 2, end))
    at = end
  }
  return nals
}

function readFragment(payload: Buffer, before: Buffer[] | undefined, nals: Buffer[]): Buffer[] | undefined {
  const [indicator, header] = [payload[0]!, payload[1]!]
  const [isStart, isEnd] = [(header & 0x80) !== 0, (header & 0x40) !== 0]
  if (isStart === (before !== undefined)) throw new Error('a fragment is out of place')
  if (isStart && isEnd) throw new Error('RFC 6184 5.8: one fragment must not be both start and end')
  if ((header & 0x20) !== 0) throw new Error('RFC 6184 5.8: the reserved bit is set')
  const fragments = before ?? [Buffer.of((indicator & 0xe0) | (header & 0x1f))]
  fragments.push(payload.subarray(2))
  if (!isEnd) return fragments
  nals.push(Buffer.concat(fragments))
  return undefined
}
