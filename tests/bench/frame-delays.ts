/** How much later than the quickest a frame is complete at a viewer: what waiting in the server and its sockets adds. */
import { type Distribution, distributionOf } from '../support/statistics.ts'

const CLOCK_RATE = 90_000

interface Source {
  readonly firstTimestamp: number
  readonly latenessMs: number[]
}

export class FrameDelays {
  /** By SSRC. */
  readonly #sources = new Map<number, Source>()
  #octets = 0

  /** Of RTP, since `clear`: headers and all. */
  get octets(): number {
    return this.#octets
  }

  /** One RTP or RTCP packet that arrived at `atMs` on any clock of milliseconds. */
  receive(packet: Buffer, atMs: number): void {
    const type = packet[1]!
    // RFC 5761 4: 192 to 223 is RTCP. The marker is on a frame's last packet (RFC 6184 5.1).
    if (type >= 192 && type <= 223) return
    this.#octets += packet.byteLength
    if ((type & 0x80) === 0) return
    const [ssrc, timestamp] = [packet.readUInt32BE(8), packet.readUInt32BE(4)]
    const source = this.#sources.get(ssrc) ?? { firstTimestamp: timestamp, latenessMs: [] }
    this.#sources.set(ssrc, source)
    const mediaMs = (((timestamp - source.firstTimestamp) | 0) / CLOCK_RATE) * 1000
    source.latenessMs.push(atMs - mediaMs)
  }

  clear(): void {
    this.#sources.clear()
    this.#octets = 0
  }

  /** Throws RangeError when no frame came. */
  report(): Distribution {
    const delays = [...this.#sources.values()].flatMap(({ latenessMs }) => {
      const least = latenessMs.reduce((min, value) => Math.min(min, value))
      return latenessMs.map(value => value - least)
    })
    return distributionOf(delays)
  }
}
