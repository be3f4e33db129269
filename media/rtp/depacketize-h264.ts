/** Reads H.264 out of RTP (RFC 6184, packetization-mode 1): whole frames only, and the track that their parameter sets tell. */
import type { VideoTrack } from '../access-unit.ts'
import { concatBytes, equalBytes, readUint16 } from '../bytes.ts'
import {
  joinNalUnits,
  NAL_AUD,
  NAL_IDR,
  NAL_PPS,
  NAL_SEI,
  NAL_SPS,
  nalType,
  videoTrack,
  writeAvcConfig,
} from '../codecs/h264.ts'
import { ProtocolError } from '../protocol-error.ts'
import type { OrderedPacket } from './depacketize.ts'

/** One frame that decodes after those before it. */
export interface H264Frame {
  /** RTP's, 90 kHz, 32 bits. */
  readonly timestamp: number
  readonly isKey: boolean
  /** The same object as long as the parameter sets are the same. */
  readonly track: VideoTrack
  /** Picture and SEI NAL units, each behind a 4-byte length; parameter sets are in `track`. */
  readonly data: Uint8Array
}

const MAX_FRAME_BYTES = 8 * 1024 * 1024
const MAX_NALS = 4_096
/** What AVCDecoderConfigurationRecord can count (ISO/IEC 14496-15 5.3.3.1). */
const MAX_SPS = 31
const MAX_PPS = 255

const STAP_A = 24
const FU_A = 28

/** The sets that came since the last key frame, in place of those in use from the next one on. */
interface ParameterSets {
  sps: Uint8Array[]
  pps: Uint8Array[]
}

/** A frame of which anything is missing is left out, and every one after it up to the next key frame. */
export class H264Depacketizer {
  #track: VideoTrack | undefined
  #pending: ParameterSets = { sps: [], pps: [] }
  #isWaitingForKey = true
  #timestamp: number | undefined
  #isDamaged = false
  #nals: Uint8Array[] = []
  #fragments: Uint8Array[] = []
  #bytes = 0

  /** No frame comes out before the next key frame: the sender should be asked for one. */
  get isWaitingForKey(): boolean {
    return this.#isWaitingForKey
  }

  /**
   * Takes the next packet and returns the frames that it completes, at most two. Throws `ProtocolError` for what
   * packetization-mode 1 does not allow, and for a frame of more than 8 MB.
   */
  push(packet: OrderedPacket): H264Frame[] {
    const frames: H264Frame[] = []
    if (!packet.isContinuous) this.#miss()
    if (packet.timestamp !== this.#timestamp) {
      // RFC 6184 5.1: the marker may be absent; another time stamp begins another access unit.
      this.#finish(frames)
      this.#timestamp = packet.timestamp
      this.#isDamaged = !packet.isContinuous && !beginsAccessUnit(packet.payload)
    }
    this.#read(packet.payload)
    if (packet.hasMarker) this.#finish(frames)
    return frames
  }

  /** Packets were lost: of this frame or of the one that follows, which nobody can tell. */
  #miss(): void {
    this.#isDamaged = true
    this.#isWaitingForKey = true
  }

  #read(payload: Uint8Array): void {
    if (payload.byteLength === 0) return
    const type = nalType(payload)
    if (type === FU_A) {
      this.#readFragment(payload)
      return
    }
    if (this.#fragments.length > 0) this.#dropFragments()
    if (type >= 1 && type <= 23) this.#add(payload)
    else if (type === STAP_A) this.#readAggregate(payload)
    // RFC 6184 5.2: types 25 to 27 and 29 belong to the interleaved mode; 0, 30 and 31 are ignored.
    else if (type < 30 && type !== 0) throw new ProtocolError(`H.264 payload type ${type} is of another mode`)
  }

  /** RFC 6184 5.7.1. */
  #readAggregate(payload: Uint8Array): void {
    for (let at = 1; at < payload.byteLength; ) {
      if (at + 2 > payload.byteLength) throw new ProtocolError('STAP-A ends in a length')
      const end = at + 2 + readUint16(payload, at)
      if (end > payload.byteLength) throw new ProtocolError('STAP-A is shorter than its NAL units')
      if (end > at + 2) this.#add(payload.subarray(at + 2, end))
      at = end
    }
  }

  /** RFC 6184 5.8. */
  #readFragment(payload: Uint8Array): void {
    if (payload.byteLength < 2) throw new ProtocolError('FU-A has no header')
    const header = payload[1]!
    const [isStart, isEnd] = [(header & 0x80) !== 0, (header & 0x40) !== 0]
    if (isStart && this.#fragments.length > 0) this.#dropFragments()
    if (!isStart && this.#fragments.length === 0) {
      // Its start was lost, or never sent.
      this.#miss()
      return
    }
    if (isStart) this.#fragments.push(Uint8Array.of((payload[0]! & 0xe0) | (header & 0x1f)))
    this.#fragments.push(this.#counted(payload.subarray(2)))
    if (!isEnd) return
    const nal = concatBytes(this.#fragments.splice(0))
    this.#bytes -= nal.byteLength - 1
    this.#add(nal)
  }

  #dropFragments(): void {
    this.#fragments = []
    this.#miss()
  }

  #add(nal: Uint8Array): void {
    if (this.#nals.length >= MAX_NALS)
      throw new ProtocolError(`H.264 frame has more than ${MAX_NALS} NAL units`)
    this.#nals.push(this.#counted(nal))
  }

  #counted(bytes: Uint8Array): Uint8Array {
    this.#bytes += bytes.byteLength
    if (this.#bytes > MAX_FRAME_BYTES) throw new ProtocolError('H.264 frame is longer than 8 MB')
    return bytes
  }

  #finish(frames: H264Frame[]): void {
    if (this.#fragments.length > 0) this.#dropFragments()
    const nals = this.#nals
    const isDamaged = this.#isDamaged
    this.#nals = []
    this.#bytes = 0
    this.#isDamaged = false
    if (isDamaged || this.#timestamp === undefined) return
    const pictures = nals.filter(nal => this.#isPicture(nal))
    if (!pictures.some(nal => nalType(nal) !== NAL_SEI)) return
    const isKey = pictures.some(nal => nalType(nal) === NAL_IDR)
    if (isKey) this.#isWaitingForKey = !this.#adopt()
    if (this.#isWaitingForKey || !this.#track) return
    frames.push({ timestamp: this.#timestamp, isKey, track: this.#track, data: joinNalUnits(pictures) })
  }

  /** Delimiters, filler and what ends a sequence carry nothing; parameter sets are put aside. */
  #isPicture(nal: Uint8Array): boolean {
    const type = nalType(nal)
    if (type === NAL_SPS) keep(this.#pending.sps, nal, MAX_SPS)
    if (type === NAL_PPS) keep(this.#pending.pps, nal, MAX_PPS)
    return (type >= 1 && type <= 5) || type === NAL_SEI
  }

  /** A key frame begins under the parameter sets that came for it. Returns whether there are any. */
  #adopt(): boolean {
    const sps = this.#pending.sps.length > 0 ? this.#pending.sps : this.#track?.sps
    const pps = this.#pending.pps.length > 0 ? this.#pending.pps : this.#track?.pps
    this.#pending = { sps: [], pps: [] }
    if (!sps || !pps) return false
    if (!this.#track || !areEqual(sps, this.#track.sps) || !areEqual(pps, this.#track.pps))
      this.#track = videoTrack(writeAvcConfig(sps, pps))
    return true
  }
}

/** With a delimiter or an SPS nothing can be missing before it: ITU-T H.264 7.4.1.2.3. */
function beginsAccessUnit(payload: Uint8Array): boolean {
  if (payload.byteLength === 0) return false
  const type = nalType(payload)
  const first = type === STAP_A ? payload[3] : payload[0]
  return first !== undefined && [NAL_AUD, NAL_SPS].includes(first & 0x1f)
}

function keep(sets: Uint8Array[], nal: Uint8Array, limit: number): void {
  if (sets.some(set => equalBytes(set, nal))) return
  if (sets.length >= limit) throw new ProtocolError('H.264 has too many parameter sets')
  sets.push(new Uint8Array(nal))
}

function areEqual(left: readonly Uint8Array[], right: readonly Uint8Array[]): boolean {
  return left.length === right.length && left.every((set, index) => equalBytes(set, right[index]!))
}
