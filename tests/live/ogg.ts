/** Writes Opus packets into an Ogg file, for a decoder that is not ours: RFC 3533 and RFC 7845. */

const SERIAL = 1
const SAMPLES_PER_SECOND = 48_000

/** `packets` of `samplesPerPacket` samples each, without pre-skip: the decoder gives every sample. */
export function oggOpus(packets: readonly Uint8Array[], samplesPerPacket: number): Buffer {
  const pages = [page(0, 2, 0n, opusHead()), page(1, 0, 0n, opusTags())]
  for (const [index, packet] of packets.entries()) {
    const isLast = index === packets.length - 1
    const granule = BigInt((index + 1) * samplesPerPacket)
    pages.push(page(index + 2, isLast ? 4 : 0, granule, Buffer.from(packet)))
  }
  return Buffer.concat(pages)
}

/** RFC 7845 5.1: version 1, two channels, no pre-skip, no gain, mapping family 0. */
function opusHead(): Buffer {
  const head = Buffer.alloc(19)
  head.write('OpusHead')
  head[8] = 1
  head[9] = 2
  head.writeUInt32LE(SAMPLES_PER_SECOND, 12)
  return head
}

/** RFC 7845 5.2: no vendor, no comment. */
function opusTags(): Buffer {
  return Buffer.concat([Buffer.from('OpusTags'), Buffer.alloc(8)])
}

/** RFC 3533 6: one packet of less than 255 * 255 bytes. */
function page(sequence: number, flags: number, granule: bigint, packet: Buffer): Buffer {
  const lacing = [...Array<number>(Math.floor(packet.length / 255)).fill(255), packet.length % 255]
  const header = Buffer.alloc(27)
  header.write('OggS')
  header[5] = flags
  header.writeBigUInt64LE(granule, 6)
  header.writeUInt32LE(SERIAL, 14)
  header.writeUInt32LE(sequence, 18)
  header[26] = lacing.length
  const bytes = Buffer.concat([header, Buffer.from(lacing), packet])
  bytes.writeUInt32LE(checksum(bytes), 22)
  return bytes
}

/** CRC-32 with polynomial 0x04c11db7, most significant bit first, beginning with zero. */
function checksum(bytes: Buffer): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 24
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  }
  return crc >>> 0
}
