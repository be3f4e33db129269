/** Which renditions a source is worth: their names, sizes, bitrates, and what they cost. */
import type { VideoTrack } from '../../media/access-unit.ts'
import type { Config } from '../config.ts'
import type { Rung } from './broadcast.ts'
import { frameRateOf } from './picture-pipe.ts'

/** The lowest is what a viewer over WebRTC starts with. */
const AUTO = ['1080p', '720p', '480p', '360p'] as const
/** A rung with more of the source's pixels than this would save its viewers nothing. */
const MAX_SHARE_OF_PIXELS = 0.75
/** What x264's veryfast needs for 720p at 30 frames a second to look clean; more pixels need less each. */
const BITRATE_720P30_BPS = 2_600_000
const PIXELS_720P = 1280 * 720
/** Decoding a pixel costs about so much of encoding one. */
const DECODING = 0.25

/** All names that a rendition may ever have, best first, by `LADDER`. */
export function ladderNames(ladder: Config['ladder']): readonly string[] {
  if (ladder === 'off') return []
  return ladder === 'auto' ? AUTO : ladder
}

/**
 * Those of `names` (best first, `720p`) that are clearly smaller than the source. The name is the shorter side, so
 * that an upright picture is as sharp as a wide one.
 */
export function rungsFor(
  track: Pick<VideoTrack, 'width' | 'height' | 'frameRate'>,
  names: readonly string[],
): Rung[] {
  const shorter = Math.min(track.width, track.height)
  return names.flatMap(name => {
    const scale = Number.parseInt(name, 10) / shorter
    const width = even(track.width * scale)
    const height = even(track.height * scale)
    if (scale >= 1 || width * height > MAX_SHARE_OF_PIXELS * track.width * track.height) return []
    return [{ name, width, height, bitrateBps: bitrateBps(width * height, frameRateOf(track)) }]
  })
}

/** What making `rungs` out of the source costs: pixels encoded a second, with the decoding told in the same. */
export function costOf(track: VideoTrack, rungs: readonly Rung[]): number {
  const encoded = rungs.reduce((sum, rung) => sum + rung.width * rung.height, 0)
  return frameRateOf(track) * (encoded + DECODING * track.width * track.height)
}

function even(size: number): number {
  return Math.max(2, 2 * Math.round(size / 2))
}

/** Half the rate for twice the frames, as they differ less. */
function bitrateBps(pixels: number, frameRate: number): number {
  const bps = BITRATE_720P30_BPS * (pixels / PIXELS_720P) ** 0.8 * Math.sqrt(frameRate / 30)
  return Math.round(bps / 10_000) * 10_000
}
