/** Reads the fragmented MP4 that ffmpeg writes: tracks with their decoder configuration, and samples with their times. */
import { readBoxes } from '../media/mp4/box-reader.ts'

export interface Mp4Track {
  readonly id: number
  /** The sample entry's four letters: `hvc1`, `Opus`. */
  readonly entry: string
  readonly timescale: number
  /** hvcC, av1C, avcC or dOps, or the AudioSpecificConfig out of esds. */
  readonly config: Uint8Array
}

export interface Mp4Sample {
  readonly track: Mp4Track
  /** Ticks of the track's timescale. */
  readonly dts: number
  readonly pts: number
  readonly isKey: boolean
  readonly data: Uint8Array
}

const VIDEO_ENTRY_BYTES = 78
const AUDIO_ENTRY_BYTES = 28
const NON_SYNC = 0x10000

/** Tracks and samples, those in order of their decoding times. */
export function readFragmentedMp4(bytes: Uint8Array): { tracks: Mp4Track[]; samples: Mp4Sample[] } {
  const tracks: Mp4Track[] = []
  const samples: Mp4Sample[] = []
  const defaults = new Map<number, DataView>()
  const state = { id: 0, timescale: 0, moofAt: 0, dts: 0, duration: 0, size: 0, flags: 0 }
  for (const { type, at, content } of readBoxes(bytes)) {
    if (type === 'tkhd') state.id = content.getUint32(12)
    if (type === 'mdhd') state.timescale = content.getUint32(12)
    if (type === 'stsd') tracks.push(readTrack(bytes, at, state))
    if (type === 'moof') state.moofAt = at
    if (type === 'trex') defaults.set(content.getUint32(4), content)
    if (type === 'tfhd') readDefaults(content, defaults.get(content.getUint32(4)), state)
    if (type === 'tfdt') state.dts = Number(content.getBigUint64(4))
    if (type !== 'trun') continue
    const track = tracks.find(each => each.id === state.id)
    if (!track) throw new Error(`no track ${state.id}`)
    readRun(bytes, content, track, state, samples)
  }
  samples.sort((a, b) => a.dts / a.track.timescale - b.dts / b.track.timescale)
  return { tracks, samples }
}

interface State {
  id: number
  timescale: number
  moofAt: number
  dts: number
  duration: number
  size: number
  flags: number
}

function readTrack(bytes: Uint8Array, at: number, { id, timescale }: State): Mp4Track {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const entryAt = at + 16
  const entry = Buffer.from(bytes.subarray(entryAt + 4, entryAt + 8)).toString('latin1')
  const isAudio = entry === 'mp4a' || entry === 'Opus'
  const children = entryAt + 8 + (isAudio ? AUDIO_ENTRY_BYTES : VIDEO_ENTRY_BYTES)
  const end = entryAt + view.getUint32(entryAt)
  const configs = readBoxes(bytes, children, end)
  const box = configs.find(each => ['hvcC', 'av1C', 'avcC', 'dOps', 'esds'].includes(each.type))!
  const content = new Uint8Array(box.content.buffer, box.content.byteOffset, box.content.byteLength)
  return { id, entry, timescale, config: box.type === 'esds' ? specificConfig(content) : content }
}

/** The DecoderSpecificInfo (tag 5) of an esds, whose lengths have four bytes as ffmpeg writes them. */
function specificConfig(esds: Uint8Array): Uint8Array {
  const at = Buffer.from(esds).indexOf(Buffer.of(5, 0x80, 0x80, 0x80))
  return esds.subarray(at + 5, at + 5 + esds[at + 4]!)
}

/** ISO/IEC 14496-12 8.8.3 and 8.8.7. */
function readDefaults(content: DataView, trex: DataView | undefined, state: State): void {
  const flags = content.getUint32(0)
  state.id = content.getUint32(4)
  state.duration = trex?.getUint32(12) ?? 0
  state.size = trex?.getUint32(16) ?? 0
  state.flags = trex?.getUint32(20) ?? 0
  let at = 8
  if (flags & 1) at += 8
  if (flags & 2) at += 4
  for (const [bit, name] of [
    [8, 'duration'],
    [16, 'size'],
    [32, 'flags'],
  ] as const)
    if (flags & bit) {
      state[name] = content.getUint32(at)
      at += 4
    }
}

/** ISO/IEC 14496-12 8.8.8. */
function readRun(
  bytes: Uint8Array,
  content: DataView,
  track: Mp4Track,
  state: State,
  samples: Mp4Sample[],
): void {
  const flags = content.getUint32(0)
  const count = content.getUint32(4)
  let dataAt = state.moofAt + content.getInt32(8)
  let at = 12
  const field = (bit: number, otherwise: number) => {
    if (!(flags & bit)) return otherwise
    at += 4
    return content.getInt32(at - 4)
  }
  const first = field(4, state.flags)
  for (let index = 0; index < count; index++) {
    const duration = field(0x100, state.duration)
    const size = field(0x200, state.size)
    const sampleFlags = field(0x400, index === 0 ? first : state.flags)
    const pts = state.dts + field(0x800, 0)
    const isKey = (sampleFlags & NON_SYNC) === 0
    samples.push({ track, dts: state.dts, pts, isKey, data: bytes.subarray(dataAt, dataAt + size) })
    state.dts += duration
    dataAt += size
  }
}
