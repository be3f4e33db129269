/** What is written down of a stored track, as playlists and manifests tell it. */
import type { Colour, VideoRange } from '../../media/colour.ts'
import type { TrackFacts } from '../../media/track-facts.ts'
import type { VodInit } from '../vod/manifest.ts'

/** What high dynamic range is made with everywhere: BT.2020, with its transfer function of H.273. */
const COLOURS: Record<Exclude<VideoRange, 'SDR'>, Colour> = {
  PQ: { primaries: 9, transfer: 16, matrix: 9, isFullRange: false },
  HLG: { primaries: 9, transfer: 18, matrix: 9, isFullRange: false },
}

export function trackFacts(track: VodInit['track']): TrackFacts {
  const { codecString, timescale } = track
  if (track.kind === 'audio') {
    const { sampleRate = timescale, channels = 2, language } = track
    const codec = track.codec === 'opus' ? 'opus' : 'aac'
    return { kind: 'audio', codec, codecString, timescale, sampleRate, channels, language }
  }
  const { width = 0, height = 0, frameRate, videoRange = 'SDR' } = track
  const codec = track.codec === 'hevc' || track.codec === 'av1' ? track.codec : 'h264'
  const colour = videoRange === 'SDR' ? undefined : COLOURS[videoRange]
  return { kind: 'video', codec, codecString, timescale, width, height, frameRate, colour }
}
