/** Real H.264 and AAC for the tests: what ffmpeg encodes, as tracks and access units in the order of arrival. */
import type { AccessUnit, AudioTrack, Tracks, VideoTrack } from '../../media/access-unit.ts'
import { FlvDepacketizer } from '../../media/flv/depacketizer.ts'
import { FlvDemuxer } from '../../media/flv/file.ts'

export interface Encoded {
  readonly tracks: Tracks
  readonly units: readonly AccessUnit[]
}

/** `video`: ffmpeg's x264 options. `gop`: frames. `picture`: a source of lavfi, of that size, rate and length. */
export async function encode(options: {
  seconds: number
  picture?: string
  rate?: number
  size?: string
  gop?: number
  video?: readonly string[]
  hasAudio?: boolean
  sampleRate?: number
}): Promise<Encoded> {
  const {
    seconds,
    rate = 30,
    size = '320x180',
    gop = rate,
    video = [],
    hasAudio = true,
    sampleRate = 48_000,
  } = options
  const { picture = `testsrc2=size=${size}:rate=${rate}:duration=${seconds}` } = options
  const sound = `sine=frequency=440:sample_rate=${sampleRate}:duration=${seconds}`
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', `${gop}`]
  const fixedGop = ['-sc_threshold', '0', ...video]
  const audio = ['-c:a', 'aac', '-b:a', '96k', '-ac', '2']
  const inputs = ['-f', 'lavfi', '-i', picture, ...(hasAudio ? ['-f', 'lavfi', '-i', sound] : [])]
  const args = [...inputs, ...x264, ...fixedGop, ...(hasAudio ? audio : []), '-f', 'flv', 'pipe:1']
  const ffmpeg = Bun.spawn(['ffmpeg', '-v', 'error', '-nostdin', ...args], { stderr: 'inherit' })
  return readFlv(new Uint8Array(await new Response(ffmpeg.stdout).arrayBuffer()))
}

/** All of an FLV file. Throws when there is no picture in it. */
export function readFlv(bytes: Uint8Array): Encoded {
  const depacketizer = new FlvDepacketizer()
  const units: AccessUnit[] = []
  let video: VideoTrack | undefined
  let audio: AudioTrack | undefined
  for (const tag of new FlvDemuxer().push(bytes)) {
    if (tag.type === 'script') continue
    for (const event of depacketizer.push(tag.type, tag.timestampMs, tag.body)) {
      if (event.type === 'unit') units.push(event.unit)
      if (event.type === 'track' && event.track.kind === 'video') video = event.track
      if (event.type === 'track' && event.track.kind === 'audio') audio = event.track
    }
  }
  if (!video) throw new Error('there is no video in it')
  return { tracks: audio ? { video, audio } : { video }, units }
}
