/** Turns the packets of the one picture into its track and access units: H.264, HEVC and AV1. */
import type { VideoTrack } from '../access-unit.ts'
import { concatBytes, equalBytes } from '../bytes.ts'
import { av1Track, configObus, readTemporalUnit, type TemporalUnit } from '../codecs/av1.ts'
import { joinNalUnits, NAL_IDR, nalType, nalUnits, parseAvcConfig, videoTrack } from '../codecs/h264.ts'
import { hevcTrack, isRandomAccessPoint, isSkippedLeadingPicture, parseHevcConfig } from '../codecs/hevc.ts'
import { isSameColour, specified, UNSPECIFIED_COLOUR } from '../colour.ts'
import { rescale } from '../timestamps.ts'
import { type ColourInfo, readColourInfo } from './colour-info.ts'
import type { FlvEvent } from './event.ts'
import type { TagPacket } from './tag.ts'
import type { Timeline } from './timeline.ts'

type FourCc = 'avc1' | 'hvc1' | 'av01'

interface Frame {
  readonly isKey: boolean
  /** Empty: nothing decodable. */
  readonly data: Uint8Array
}

const TRACKS = { avc1: videoTrack, hvc1: hevcTrack, av01: av1Track } as const

export function isCarriedVideo(codec: string): codec is FourCc {
  return codec in TRACKS
}

/** Decoding times always increase; presentation times keep the encoder's distance from them. */
export class VideoLane {
  readonly #timeline: Timeline
  #frameRate: number | undefined
  #codec: FourCc | undefined
  #track: VideoTrack | undefined
  /** The colours of the configuration's own parameter sets. */
  #codedColour: VideoTrack['colour']
  #colourInfo: ColourInfo = {}
  /** The record as it came, to see repetitions; its length size is the stream's. */
  #record: Uint8Array | undefined
  #nalLengthSize = 4
  /** HEVC: the pictures that lead the first random access point of a configuration decode only with what was before. */
  #leading: 'before' | 'skipped' | 'kept' = 'before'
  #lastDts = Number.NEGATIVE_INFINITY

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  hintFrameRate(frameRate: number): void {
    this.#frameRate = frameRate
  }

  /** Throws `ProtocolError` for garbage. */
  push(codec: FourCc, packet: TagPacket, timestampMs: number): FlvEvent[] {
    switch (packet.kind) {
      case 'config':
        return this.#configure(codec, packet.data)
      case 'metadata':
        this.#colourInfo = readColourInfo(packet.data) ?? this.#colourInfo
        return []
      default:
        return this.#unit(codec, packet, timestampMs)
    }
  }

  #configure(codec: FourCc, record: Uint8Array): FlvEvent[] {
    if (record.byteLength === 0) return [{ type: 'skipped', reason: 'empty' }]
    if (codec === this.#codec && this.#record && equalBytes(record, this.#record)) return []
    // AV1 may leave its sequence header to the first key frame.
    const isWhole = codec !== 'av01' || configObus(record).byteLength > 0
    const events = isWhole ? this.#begin(codec, record) : []
    if (!isWhole) this.#track = undefined
    if (codec === 'avc1') this.#nalLengthSize = parseAvcConfig(record).lengthSize
    if (codec === 'hvc1') this.#nalLengthSize = parseHevcConfig(record).lengthSize
    this.#codec = codec
    this.#record = new Uint8Array(record)
    this.#leading = 'before'
    return events
  }

  #begin(codec: FourCc, record: Uint8Array): FlvEvent[] {
    const hints = this.#frameRate === undefined ? {} : { frameRate: this.#frameRate }
    this.#track = TRACKS[codec](record, hints)
    this.#codedColour = this.#track.colour
    this.#recolour()
    return [{ type: 'track', track: this.#track }]
  }

  #unit(codec: FourCc, packet: TagPacket, timestampMs: number): FlvEvent[] {
    // Placed even when dropped: the time line is the encoder's, whether or not its frames can be used.
    const placed = rescale(this.#timeline.place('video', timestampMs), 1000, 90_000)
    const dts = Math.max(placed, this.#lastDts + 1)
    if (codec !== this.#codec) return [{ type: 'skipped', reason: 'no_config' }]
    const unit = codec === 'av01' ? readTemporalUnit(packet.data) : undefined
    const events = unit?.sequenceHeader && !this.#track ? this.#beginAv1(unit.sequenceHeader) : []
    if (!this.#track) return [{ type: 'skipped', reason: 'no_config' }]
    const frame = unit ? withSequenceHeader(unit, this.#track) : this.#readNals(codec, packet.data)
    if (!frame) return [{ type: 'skipped', reason: 'undecodable' }]
    if (frame.data.byteLength === 0) return [{ type: 'skipped', reason: 'empty' }]
    this.#lastDts = dts
    const pts = dts + rescale(packet.compositionMs, 1000, 90_000)
    // A track cannot change where nobody could begin to decode it.
    if (frame.isKey && this.#recolour()) events.push({ type: 'track', track: this.#track })
    const track = this.#track
    return [...events, { type: 'unit', unit: { track, dts, pts, ...frame } }]
  }

  /** Puts what the publisher says of the colours above the parameter sets; answers whether that has changed the track. */
  #recolour(): boolean {
    const { colour: known, ...track } = this.#track!
    const colour = specified({ ...UNSPECIFIED_COLOUR, ...this.#codedColour, ...this.#colourInfo })
    if (isSameColour(known, colour)) return false
    this.#track = { ...track, ...(colour && { colour }) }
    return true
  }

  #beginAv1(sequenceHeader: Uint8Array): FlvEvent[] {
    return this.#begin('av01', concatBytes([this.#record!, sequenceHeader]))
  }

  /** Undefined: not decodable by who begins here. */
  #readNals(codec: FourCc, data: Uint8Array): Frame | undefined {
    const nals = [...nalUnits(data, this.#nalLengthSize)]
    const isKey =
      codec === 'hvc1' ? nals.some(isRandomAccessPoint) : nals.some(nal => nalType(nal) === NAL_IDR)
    if (codec === 'hvc1' && !isKey && this.#leading !== 'kept' && nals.some(isSkippedLeadingPicture))
      return undefined
    if (isKey) this.#leading = this.#leading === 'before' ? 'skipped' : 'kept'
    if (nals.length === 0) return { isKey, data: new Uint8Array(0) }
    return { isKey, data: this.#nalLengthSize === 4 ? data : joinNalUnits(nals) }
  }
}

/** A key frame of AV1 without sequence header gets the configuration's: AV1-ISOBMFF 2.4 asks for one. */
function withSequenceHeader({ isKey, sequenceHeader, data }: TemporalUnit, track: VideoTrack): Frame {
  if (!isKey || sequenceHeader) return { isKey, data }
  return { isKey, data: concatBytes([configObus(track.decoderConfig), data]) }
}
