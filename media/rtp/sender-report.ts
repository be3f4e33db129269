/** RTCP sender reports: the link between an RTP stream's time stamps and wall-clock time. */

/** Seconds from 1900 (NTP) to 1970 (Unix). */
const NTP_EPOCH_OFFSET_SECONDS = 2_208_988_800

/**
 * A sender report (RFC 3550 6.4.1) with an SDES CNAME (6.5.1), as a compound packet. It says that `rtpTimestamp`
 * was captured at `wallTimeMs` (milliseconds since 1970). Streams to be played in sync share `cname` and the clock.
 */
export function senderReport(report: {
  readonly ssrc: number
  readonly wallTimeMs: number
  readonly rtpTimestamp: number
  readonly packetCount: number
  readonly octetCount: number
  readonly cname: string
}): Buffer {
  const cname = Buffer.from(report.cname)
  // The SDES chunk ends with at least one zero octet and is padded to 32 bits.
  const chunkBytes = Math.ceil((4 + 2 + cname.byteLength + 1) / 4) * 4
  const packet = Buffer.alloc(28 + 4 + chunkBytes)
  packet[0] = 0x80
  packet[1] = 200
  packet.writeUInt16BE(6, 2)
  packet.writeUInt32BE(report.ssrc, 4)
  const seconds = Math.floor(report.wallTimeMs / 1000)
  packet.writeUInt32BE((seconds + NTP_EPOCH_OFFSET_SECONDS) % 2 ** 32, 8)
  packet.writeUInt32BE(Math.floor(((report.wallTimeMs / 1000) % 1) * 2 ** 32), 12)
  packet.writeUInt32BE(report.rtpTimestamp >>> 0, 16)
  packet.writeUInt32BE(report.packetCount >>> 0, 20)
  packet.writeUInt32BE(report.octetCount >>> 0, 24)
  packet[28] = 0x81
  packet[29] = 202
  packet.writeUInt16BE(chunkBytes / 4, 30)
  packet.writeUInt32BE(report.ssrc, 32)
  packet[36] = 1
  packet[37] = cname.byteLength
  packet.set(cname, 38)
  return packet
}
