/** Hides how Opus describes itself: the ID header (RFC 7845 5.1) and the first byte of a packet (RFC 6716 3.1). */
import type { AudioTrack } from '../access-unit.ts'
import { ProtocolError } from '../protocol-error.ts'

/** Opus counts in 48 kHz, whatever went in. */
const OPUS_SAMPLE_RATE = 48_000

export interface OpusHeader {
  readonly channels: number
  /** Samples at 48 kHz that a decoder throws away at the beginning. */
  readonly preSkip: number
  /** Of the original, in Hz: for information. */
  readonly inputSampleRate: number
  /** In 1/256 dB, signed. */
  readonly outputGain: number
}

/** Opus that exists but is not carried: more than two channels. */
export class UnsupportedOpusError extends ProtocolError {}

const MAGIC = 'OpusHead'
const HEADER_BYTES = 19
/** 120 ms, RFC 6716 3.2.5. */
const MAX_PACKET_SAMPLES = 5760
/** Samples of one frame by the TOC's configuration number, RFC 6716 table 2. */
const SILK_FRAMES = [480, 960, 1920, 2880]
const CELT_FRAMES = [120, 240, 480, 960]

/** Parses an ID header; an empty one says stereo. Throws `ProtocolError`, `UnsupportedOpusError` for surround. */
export function parseOpusHeader(header: Uint8Array): OpusHeader {
  if (header.byteLength === 0)
    return { channels: 2, preSkip: 0, inputSampleRate: OPUS_SAMPLE_RATE, outputGain: 0 }
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  const isHeader =
    header.byteLength >= HEADER_BYTES && MAGIC === String.fromCharCode(...header.subarray(0, 8))
  // 5.1: a version of 16 and more is incompatible
  if (!isHeader || view.getUint8(8) > 15) throw new ProtocolError('Opus ID header is not one')
  const channels = view.getUint8(9)
  if (channels === 0) throw new ProtocolError('Opus has no channels')
  if (channels > 2 || view.getUint8(18) > 1)
    throw new UnsupportedOpusError(`Opus with ${channels} channels is not supported`)
  return {
    channels,
    preSkip: view.getUint16(10, true),
    inputSampleRate: view.getUint32(12, true),
    outputGain: view.getInt16(16, true),
  }
}

/** Samples at 48 kHz in one packet. Throws `ProtocolError` where it is empty, cut off or longer than 120 ms. */
export function opusPacketSamples(packet: Uint8Array): number {
  const toc = packet[0]
  if (toc === undefined) throw new ProtocolError('Opus packet is empty')
  const samples = frameSamples(toc >> 3) * frameCount(toc & 3, packet)
  if (samples === 0 || samples > MAX_PACKET_SAMPLES)
    throw new ProtocolError(`Opus packet of ${samples} samples is not possible`)
  return samples
}

function frameSamples(configuration: number): number {
  if (configuration < 12) return SILK_FRAMES[configuration & 3]!
  if (configuration < 16) return SILK_FRAMES[configuration & 1]!
  return CELT_FRAMES[configuration & 3]!
}

/** RFC 6716 3.2: one frame, two frames (equal or not), or as many as the second byte says. */
function frameCount(code: number, packet: Uint8Array): number {
  if (code < 3) return code === 0 ? 1 : 2
  if (packet.byteLength < 2) throw new ProtocolError('Opus packet is cut off')
  return packet[1]! & 0x3f
}

/** The track that an ID header describes, whose packets have `samplesPerUnit` samples; the header is copied. */
export function opusTrack(header: Uint8Array, samplesPerUnit: number): AudioTrack {
  return {
    kind: 'audio',
    codec: 'opus',
    timescale: OPUS_SAMPLE_RATE,
    decoderConfig: new Uint8Array(header),
    codecString: 'opus',
    sampleRate: OPUS_SAMPLE_RATE,
    channels: parseOpusHeader(header).channels,
    samplesPerUnit,
  }
}
