/** Hides how a publisher announces its media: the `onMetaData` message. */
import { type AmfObject, type AmfValue, isAmfObject } from './amf0.ts'

/** What `onMetaData` promises. A codec id is FLV's number or a FourCC; undefined: not mentioned. */
export interface PublisherMetadata {
  readonly frameRate: number | undefined
  readonly encoder: string | undefined
  readonly videoCodecId: number | string | undefined
  readonly audioCodecId: number | string | undefined
  /** Sounds beside the default one, or with more to say of it: the entries of `audioTrackIdInfoMap`. */
  readonly sounds: readonly SoundMetadata[]
}

export interface SoundMetadata {
  readonly trackId: number
  /** BCP 47. */
  readonly language: string | undefined
}

const MAX_SOUNDS = 8

/** The metadata in the values of a data message; undefined where it is something else. */
export function readMetadata(values: readonly AmfValue[]): PublisherMetadata | undefined {
  const [name, content] = values[0] === '@setDataFrame' ? values.slice(1) : values
  if (name !== 'onMetaData' || !isAmfObject(content)) return undefined
  const { framerate, encoder, videocodecid, audiocodecid, audioTrackIdInfoMap } = content
  const hasFrameRate = typeof framerate === 'number' && framerate >= 1 && framerate <= 1000
  return {
    frameRate: hasFrameRate ? framerate : undefined,
    encoder: typeof encoder === 'string' ? encoder.slice(0, 200) : undefined,
    videoCodecId: codecId(videocodecid),
    audioCodecId: codecId(audiocodecid),
    sounds: readSounds(audioTrackIdInfoMap),
  }
}

/** Enhanced RTMP v2, "Enhancing onMetaData": by track id. It leaves the words for a language to the encoders. */
function readSounds(map: AmfValue): SoundMetadata[] {
  if (!isAmfObject(map)) return []
  return Object.entries(map)
    .filter(([trackId, about]) => /^\d{1,3}$/.test(trackId) && Number(trackId) < 256 && isAmfObject(about))
    .slice(0, MAX_SOUNDS)
    .map(([trackId, about]) => {
      const { language, lang } = about as AmfObject
      return { trackId: Number(trackId), language: languageTag(language ?? lang) }
    })
}

function languageTag(value: AmfValue): string | undefined {
  if (typeof value !== 'string' || value.length > 35) return undefined
  return /^[a-z]{2,3}(-[a-z\d]{1,8})*$/i.test(value) ? value : undefined
}

function codecId(value: AmfValue): number | string | undefined {
  return typeof value === 'number' || typeof value === 'string' ? value : undefined
}
