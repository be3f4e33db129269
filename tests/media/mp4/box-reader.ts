/** Reads back the boxes of fragmented MP4: an independent look at what the muxer wrote. */

export interface Box {
  readonly type: string
  /** Where the box begins. */
  readonly at: number
  readonly content: DataView
}

const CONTAINERS = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl', 'mvex', 'moof', 'traf'])

/** Every box in order of its beginning, children after their parent. Throws where sizes do not fit. */
export function readBoxes(bytes: Uint8Array, from = 0, to = bytes.byteLength): Box[] {
  const boxes: Box[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = from
  while (at < to) {
    const size = view.getUint32(at)
    if (size < 8 || at + size > to) throw new Error(`a box of ${size} bytes at ${at} does not fit`)
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    boxes.push({ type, at, content: new DataView(view.buffer, view.byteOffset + at + 8, size - 8) })
    if (CONTAINERS.has(type)) boxes.push(...readBoxes(bytes, at + 8, at + size))
    at += size
  }
  return boxes
}

export interface ReadSample {
  readonly dts: number
  readonly pts: number
  readonly duration: number
  readonly isKey: boolean
  readonly data: Uint8Array
}

/** The samples of each track in one or more fragments, by track id. */
export function readFragments(bytes: Uint8Array): Map<number, ReadSample[]> {
  const tracks = new Map<number, ReadSample[]>()
  let moofAt = 0
  let trackId = 0
  let dts = 0
  for (const { type, at, content } of readBoxes(bytes)) {
    if (type === 'moof') moofAt = at
    if (type === 'tfhd') trackId = content.getUint32(4)
    if (type === 'tfdt') dts = Number(content.getBigUint64(4))
    if (type !== 'trun') continue
    const samples = tracks.get(trackId) ?? []
    tracks.set(trackId, samples)
    const hasFlags = (content.getUint32(0) & 0xc00) !== 0
    let dataAt = moofAt + content.getInt32(8)
    for (let index = 0; index < content.getUint32(4); index++) {
      const field = 12 + index * (hasFlags ? 16 : 8)
      const duration = content.getUint32(field)
      const size = content.getUint32(field + 4)
      const isKey = !hasFlags || (content.getUint32(field + 8) & 0x10000) === 0
      const pts = dts + (hasFlags ? content.getInt32(field + 12) : 0)
      samples.push({ dts, pts, duration, isKey, data: bytes.subarray(dataAt, dataAt + size) })
      dts += duration
      dataAt += size
    }
  }
  return tracks
}
