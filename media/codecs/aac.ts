/** Hides how AAC describes itself: AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1). */
import type { AudioTrack } from '../access-unit.ts'
import { ProtocolError } from '../protocol-error.ts'
import { BitReader } from './bit-reader.ts'

/** Table 1.18. */
const SAMPLE_RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
]
/** Table 1.19, by channelConfiguration. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8, undefined, undefined, undefined, 7, 8, undefined, 8]
const AAC_MAIN = 1
const AAC_LTP = 4
const SBR = 5
const ESCAPE = 31
const PS = 29

interface AudioSpecificConfig {
  /** Audio object type of the core coder, 1 to 4: 2 is AAC-LC. */
  readonly objectType: number
  /** Sample rate of the core coder in Hz. */
  readonly sampleRate: number
  readonly channels: number
  /** Samples the core decodes from one frame: 1024 or 960. */
  readonly frameLength: number
  /** The output rate when spectral band replication is signalled (HE-AAC). */
  readonly sbrSampleRate: number | undefined
  readonly hasParametricStereo: boolean
}

/** An AAC object type that exists but is not carried: xHE-AAC, AAC-LD and the like. */
/** Of an ADTS frame, without a checksum. */
const ADTS_HEADER = 7

export class UnsupportedAacError extends ProtocolError {}

function parseAudioSpecificConfig(config: Uint8Array): AudioSpecificConfig {
  const reader = new BitReader(config)
  let objectType = readObjectType(reader)
  const sampleRate = readSampleRate(reader)
  const channelConfiguration = reader.bits(4)
  let hasParametricStereo = objectType === PS
  let sbrSampleRate: number | undefined
  if (objectType === SBR || objectType === PS) {
    sbrSampleRate = readSampleRate(reader)
    objectType = readObjectType(reader)
  }
  if (objectType < AAC_MAIN || objectType > AAC_LTP)
    throw new UnsupportedAacError(`AAC object type ${objectType} is not supported`)
  const { frameLength, channels } = readGeneralAudio(reader, channelConfiguration)
  // 1.6.2.1, syncExtensionType 0x2b7: SBR signalled behind a config that plain AAC decoders understand
  if (sbrSampleRate === undefined && reader.bitsLeft >= 16 && reader.bits(11) === 0x2b7) {
    if (readObjectType(reader) === SBR && reader.flag()) {
      sbrSampleRate = readSampleRate(reader)
      if (reader.bitsLeft >= 12 && reader.bits(11) === 0x548) hasParametricStereo = reader.flag()
    }
  }
  return {
    objectType,
    sampleRate,
    channels,
    frameLength,
    sbrSampleRate,
    hasParametricStereo,
  }
}

/** GetAudioObjectType(), table 1.17. */
function readObjectType(reader: BitReader): number {
  const type = reader.bits(5)
  return type === ESCAPE ? 32 + reader.bits(6) : type
}

function readSampleRate(reader: BitReader): number {
  const index = reader.bits(4)
  const rate = index === 15 ? reader.bits(24) : SAMPLE_RATES[index]
  if (rate === undefined || rate < 1000 || rate > 192_000)
    throw new ProtocolError('AAC sample rate is not possible')
  return rate
}

/** GASpecificConfig(), 4.4.1. */
function readGeneralAudio(
  reader: BitReader,
  configuration: number,
): { frameLength: number; channels: number } {
  const frameLength = reader.flag() ? 960 : 1024
  if (reader.flag()) reader.skip(14) // coreCoderDelay
  const hasExtension = reader.flag()
  const channels = configuration === 0 ? readProgramChannels(reader) : CHANNELS[configuration]
  if (!channels) throw new ProtocolError(`AAC channel configuration ${configuration} does not exist`)
  if (hasExtension) reader.skip(1) // extensionFlag3
  return { frameLength, channels }
}

/** program_config_element(), table 4.2: channels by their elements. */
function readProgramChannels(reader: BitReader): number {
  reader.skip(10) // element_instance_tag, object_type, sampling_frequency_index
  const speakers = [reader.bits(4), reader.bits(4), reader.bits(4)]
  const lfe = reader.bits(2)
  const associatedData = reader.bits(3)
  const coupling = reader.bits(4)
  for (const bits of [4, 4, 3]) if (reader.flag()) reader.skip(bits) // mono, stereo and matrix mixdown
  let channels = lfe
  for (const count of speakers)
    for (let index = 0; index < count; index++) {
      channels += reader.flag() ? 2 : 1
      reader.skip(4)
    }
  reader.skip(lfe * 4 + associatedData * 4 + coupling * 5)
  reader.alignToByte()
  reader.skip(reader.bits(8) * 8) // comment
  return channels
}

/**
 * The track that an AudioSpecificConfig describes; the config is copied. Throws `ProtocolError` where it is broken,
 * `UnsupportedAacError` for other coders than AAC Main, LC, SSR and LTP.
 */
export function audioTrack(config: Uint8Array): AudioTrack {
  const parsed = parseAudioSpecificConfig(config)
  const isHighEfficiency = parsed.sbrSampleRate !== undefined
  const sampleRate = parsed.sbrSampleRate ?? parsed.sampleRate
  const type = parsed.hasParametricStereo ? PS : isHighEfficiency ? SBR : parsed.objectType
  return {
    kind: 'audio',
    codec: 'aac',
    timescale: sampleRate,
    decoderConfig: new Uint8Array(config),
    codecString: `mp4a.40.${type}`,
    sampleRate,
    channels: parsed.hasParametricStereo ? 2 : parsed.channels,
    samplesPerUnit: Math.round((parsed.frameLength * sampleRate) / parsed.sampleRate),
  }
}

/** The raw frames of an ADTS stream (ISO/IEC 13818-7 6.2), and the bytes of the one that is not whole yet. Throws `ProtocolError`. */
export function splitAdts(bytes: Uint8Array): { data: Uint8Array[]; rest: Uint8Array } {
  const data: Uint8Array[] = []
  let at = 0
  while (at + ADTS_HEADER <= bytes.byteLength) {
    const length = ((bytes[at + 3]! & 3) << 11) | (bytes[at + 4]! << 3) | (bytes[at + 5]! >> 5)
    if (bytes[at] !== 0xff || length <= ADTS_HEADER) throw new ProtocolError('this is no ADTS')
    if (at + length > bytes.byteLength) break
    data.push(bytes.subarray(at + ADTS_HEADER, at + length))
    at += length
  }
  return { data, rest: bytes.subarray(at) }
}
