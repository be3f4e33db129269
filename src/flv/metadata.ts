/** Hides how a stream announces its media to FLV and RTMP players: the body of `onMetaData`. */
import { concatBytes, writeUint32 } from '../../media/bytes.ts'
import { type AmfObject, encodeAmf0 } from '../../media/rtmp/amf0.ts'
import type { FlvTracks } from './message.ts'

/** FLV 10.1 E.4.3.1; Enhanced RTMP names other codecs by their FourCC as a number. */
const VIDEO_CODEC_IDS = { h264: 7, hevc: 0x68766331, av1: 0x61763031 } as const
/** FLV 10.1 E.4.2.1. */
const AAC = 10
const ECMA_ARRAY = 8

/** FLV 10.1 E.5: the name and an ECMA array, which is an object but for its marker and a count. */
export function metadataBody({ video, audio }: FlvTracks): Uint8Array {
  const properties: AmfObject = {
    width: video.width,
    height: video.height,
    videocodecid: VIDEO_CODEC_IDS[video.codec],
    ...(video.frameRate !== undefined && { framerate: video.frameRate }),
    ...(audio && {
      audiocodecid: AAC,
      audiosamplerate: audio.sampleRate,
      audiosamplesize: 16,
      stereo: audio.channels > 1,
    }),
    encoder: 'Sluice',
  }
  const marker = new Uint8Array(5)
  marker[0] = ECMA_ARRAY
  writeUint32(marker, 1, Object.keys(properties).length)
  return concatBytes([encodeAmf0('onMetaData'), marker, encodeAmf0(properties).subarray(1)])
}
