/** Hides how a publisher announces its media: the `onMetaData` message. */
import { type AmfValue, isAmfObject } from './amf0.ts'

/** What `onMetaData` promises. A codec id is FLV's number or a FourCC; undefined: not mentioned. */
export interface PublisherMetadata {
  readonly frameRate: number | undefined
  readonly encoder: string | undefined
  readonly videoCodecId: number | string | undefined
  readonly audioCodecId: number | string | undefined
}

/** The metadata in the values of a data message; undefined where it is something else. */
export function readMetadata(values: readonly AmfValue[]): PublisherMetadata | undefined {
  const [name, content] = values[0] === '@setDataFrame' ? values.slice(1) : values
  if (name !== 'onMetaData' || !isAmfObject(content)) return undefined
  const { framerate, encoder, videocodecid, audiocodecid } = content
  const hasFrameRate = typeof framerate === 'number' && framerate >= 1 && framerate <= 1000
  return {
    frameRate: hasFrameRate ? framerate : undefined,
    encoder: typeof encoder === 'string' ? encoder.slice(0, 200) : undefined,
    videoCodecId: codecId(videocodecid),
    audioCodecId: codecId(audiocodecid),
  }
}

function codecId(value: AmfValue): number | string | undefined {
  return typeof value === 'number' || typeof value === 'string' ? value : undefined
}
