/** Hides the header of fragmented MP4: what a decoder must know before the first fragment. */
import type { AudioTrack, Track, VideoTrack } from '../access-unit.ts'
import { parseOpusHeader } from '../codecs/opus.ts'
import { ascii, box, fullBox, u8, u16, u32, zeros } from './boxes.ts'
import { colourBoxes } from './colour-boxes.ts'
import { handler, languageBoxes, MATRIX, mediaInformation, trackHeaderEnd } from './track-boxes.ts'

/** sample_depends_on = 2: every audio frame decodes alone, ISO/IEC 14496-12 8.8.3.1. */
const AUDIO_SAMPLE_FLAGS = 0x02000000

/** The init segment (ftyp, moov) of `tracks`; the track ids of its fragments are 1, 2, … in this order. */
export function initSegment(tracks: readonly Track[]): Uint8Array {
  const ftyp = box('ftyp', ascii('iso6'), u32(0), ascii('iso6'), ascii('cmfc'))
  const mvhd = fullBox(
    'mvhd',
    0,
    0,
    u32(0, 0, 1000, 0, 0x10000),
    u16(0x0100, 0),
    zeros(8),
    MATRIX,
    zeros(24),
    u32(tracks.length + 1),
  )
  const traks = tracks.map((track, index) => trak(track, index + 1))
  const trexes = tracks.map((track, index) =>
    fullBox('trex', 0, 0, u32(index + 1, 1, 0, 0, track.kind === 'audio' ? AUDIO_SAMPLE_FLAGS : 0)),
  )
  return new Uint8Array([...ftyp, ...box('moov', mvhd, ...traks, box('mvex', ...trexes))])
}

function trak(track: Track, id: number): Uint8Array {
  const { kind } = track
  const isVideo = kind === 'video'
  const { width, height } = isVideo ? track : { width: 0, height: 0 }
  // Flags 3: enabled, in movie.
  const tkhd = fullBox('tkhd', 0, 3, u32(0, 0, id, 0, 0), ...trackHeaderEnd(kind, width, height))
  const { mdhdEnd, elng } = languageBoxes(isVideo ? undefined : track.language)
  const mdhd = fullBox('mdhd', 0, 0, u32(0, 0, track.timescale, 0), mdhdEnd)
  const stsd = fullBox('stsd', 0, 0, u32(1), isVideo ? videoEntry(track) : audioEntry(track))
  const empty = [fullBox('stts', 0, 0, u32(0)), fullBox('stsc', 0, 0, u32(0))]
  const stbl = box('stbl', stsd, ...empty, fullBox('stsz', 0, 0, u32(0, 0)), fullBox('stco', 0, 0, u32(0)))
  return box('trak', tkhd, box('mdia', mdhd, ...elng, handler(kind), mediaInformation(kind, stbl)))
}

/** Sample entry and the box of its decoder configuration: ISO/IEC 14496-15 5.4.2.1 and 8.4.1, AV1-ISOBMFF 2.2. */
const VIDEO_BOXES = { h264: ['avc1', 'avcC'], hevc: ['hvc1', 'hvcC'], av1: ['av01', 'av1C'] } as const

/** VisualSampleEntry, ISO/IEC 14496-12 12.1.3. */
function videoEntry(track: VideoTrack): Uint8Array {
  const [entry, config] = VIDEO_BOXES[track.codec]
  return box(
    entry,
    zeros(6),
    u16(1),
    zeros(16),
    u16(track.width, track.height),
    u32(0x480000, 0x480000, 0), // 72 dpi
    u16(1), // frame_count
    zeros(32), // compressorname
    u16(0x18, 0xffff), // depth, pre_defined = -1
    box(config, track.decoderConfig),
    ...colourBoxes(track.colour),
  )
}

/** AudioSampleEntry, ISO/IEC 14496-12 12.2.3; its 16.16 rate cannot hold more than 65,535 Hz: the decoder's config does. */
function audioEntry(track: AudioTrack): Uint8Array {
  const rate = track.sampleRate > 0xffff ? 0 : track.sampleRate
  const fields = [zeros(6), u16(1), zeros(8), u16(track.channels, 16, 0, 0, rate, 0)]
  return track.codec === 'aac'
    ? box('mp4a', ...fields, esds(track.decoderConfig))
    : box('Opus', ...fields, opusConfig(track))
}

/** ES_Descriptor around the AudioSpecificConfig, ISO/IEC 14496-1 7.2.6. */
function esds(config: Uint8Array): Uint8Array {
  const specific = descriptor(0x05, config)
  // Object type 0x40: MPEG-4 audio; stream type 5, upStream 0, reserved 1; no buffer size and bit rates.
  const decoder = descriptor(0x04, u8(0x40, (5 << 2) | 1), zeros(3), u32(0, 0), specific)
  return fullBox('esds', 0, 0, descriptor(0x03, u16(0), u8(0), decoder, descriptor(0x06, u8(2))))
}

/** A descriptor with its length in the fixed four-byte form, ISO/IEC 14496-1 8.3.3. */
function descriptor(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const length = content.reduce((sum, part) => sum + part.byteLength, 0)
  const sized = [(length >> 21) | 0x80, (length >> 14) | 0x80, (length >> 7) | 0x80, length & 0x7f]
  return new Uint8Array([tag, ...sized, ...content.flatMap(part => [...part])])
}

/** OpusSpecificBox, "Encapsulation of Opus in ISO Base Media File Format" 4.3.2: one stream, mono or stereo. */
function opusConfig(track: AudioTrack): Uint8Array {
  const { channels, preSkip, inputSampleRate, outputGain } = parseOpusHeader(track.decoderConfig)
  return box('dOps', u8(0, channels), u16(preSkip), u32(inputSampleRate), u16(outputGain & 0xffff), u8(0))
}
