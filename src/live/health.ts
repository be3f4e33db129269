/** Measures what a publisher sends and says in plain words what a streamer should change. */
import type { AccessUnit, Tracks } from '../../media/access-unit.ts'

const WINDOW_MS = 5_000
const LONG_KEY_FRAME_INTERVAL_MS = 2_500

/** Something the streamer should know, in plain words, with the setting that mends it. Same code: replaced. */
export interface Notice {
  /** Stable snake_case word: `b_frames`, `key_frame_interval_long`. */
  readonly code: string
  readonly level: 'info' | 'warning' | 'error'
  readonly message: string
}

/** The incoming media, measured over the last five seconds. */
export interface Health {
  readonly videoCodec: string
  readonly width: number
  readonly height: number
  readonly audioCodec: string | undefined
  readonly audioSampleRate: number | undefined
  readonly audioChannels: number | undefined
  readonly videoBitrateBps: number
  readonly audioBitrateBps: number
  readonly frameRate: number
  /** Between the last two key frames; undefined before the second. */
  readonly keyFrameIntervalMs: number | undefined
  /** Of the picture, since its last key frame: an encoder may never send another. */
  readonly sinceKeyFrameMs: number
  readonly hasBFrames: boolean
  readonly notices: readonly Notice[]
}

interface Sample {
  readonly at: number
  readonly bytes: number
  readonly isVideo: boolean
}

/** Bounded: it keeps five seconds of sizes and arrival times, never media. */
export class HealthMeter {
  readonly #tracks: Tracks
  readonly #samples: Sample[] = []
  #lastKeyPts: number | undefined
  #keyFrameIntervalMs: number | undefined
  #sinceKeyFrameMs = 0
  #highestPts = Number.NEGATIVE_INFINITY
  #hasBFrames = false
  #lastAudioAt: number | undefined
  #startedAt: number | undefined

  constructor(tracks: Tracks) {
    this.#tracks = tracks
  }

  /** `now`: milliseconds since the epoch at which `unit` arrived. */
  observe(unit: AccessUnit, now: number): void {
    this.#startedAt ??= now
    const isVideo = unit.track.kind === 'video'
    this.#samples.push({ at: now, bytes: unit.data.byteLength, isVideo })
    this.#forget(now)
    if (!isVideo) {
      this.#lastAudioAt = now
      return
    }
    if (unit.pts < this.#highestPts) this.#hasBFrames = true
    this.#highestPts = Math.max(this.#highestPts, unit.pts)
    const sinceKey = unit.pts - (this.#lastKeyPts ?? unit.pts)
    this.#sinceKeyFrameMs = (sinceKey / unit.track.timescale) * 1000
    if (!unit.isKey) return
    if (this.#lastKeyPts !== undefined) this.#keyFrameIntervalMs = this.#sinceKeyFrameMs
    this.#sinceKeyFrameMs = 0
    this.#lastKeyPts = unit.pts
  }

  health(now: number): Health {
    this.#forget(now)
    const { video, audio } = this.#tracks
    const spanSeconds = Math.max(1_000, Math.min(WINDOW_MS, now - (this.#startedAt ?? now))) / 1000
    const videoSamples = this.#samples.filter(sample => sample.isVideo)
    const audioSamples = this.#samples.filter(sample => !sample.isVideo)
    return {
      videoCodec: video.codecString,
      width: video.width,
      height: video.height,
      audioCodec: audio?.codecString,
      audioSampleRate: audio?.sampleRate,
      audioChannels: audio?.channels,
      videoBitrateBps: Math.round((bytesOf(videoSamples) * 8) / spanSeconds),
      audioBitrateBps: Math.round((bytesOf(audioSamples) * 8) / spanSeconds),
      frameRate: Math.round((videoSamples.length / spanSeconds) * 10) / 10,
      keyFrameIntervalMs: this.#keyFrameIntervalMs,
      sinceKeyFrameMs: this.#sinceKeyFrameMs,
      hasBFrames: this.#hasBFrames,
      notices: this.#notices(now, videoSamples.length),
    }
  }

  #notices(now: number, videoFrames: number): Notice[] {
    const notices: Notice[] = []
    const age = now - (this.#startedAt ?? now)
    const keyFrameIntervalMs = Math.max(this.#keyFrameIntervalMs ?? 0, this.#sinceKeyFrameMs)
    if (keyFrameIntervalMs > LONG_KEY_FRAME_INTERVAL_MS)
      notices.push({
        code: 'key_frame_interval_long',
        level: 'warning',
        message:
          `A key frame comes every ${(keyFrameIntervalMs / 1000).toFixed(1)} s, so viewers wait that long ` +
          'for a picture. In OBS: Settings → Output → Keyframe Interval: 1 s.',
      })
    if (age > WINDOW_MS && videoFrames === 0)
      notices.push({
        code: 'video_stalled',
        level: 'error',
        message: 'No picture has arrived for five seconds. Check the network between OBS and this server.',
      })
    if (!this.#tracks.audio)
      notices.push({
        code: 'no_audio',
        level: 'info',
        message:
          'The stream has no sound. In OBS: Settings → Audio, and check that the mixer shows a signal.',
      })
    else if (age > WINDOW_MS && now - (this.#lastAudioAt ?? 0) > WINDOW_MS)
      notices.push({
        code: 'audio_stalled',
        level: 'warning',
        message: 'No sound has arrived for five seconds, though the stream was announced with sound.',
      })
    return notices
  }

  #forget(now: number): void {
    let expired = 0
    while (expired < this.#samples.length && this.#samples[expired]!.at < now - WINDOW_MS) expired++
    if (expired > 0) this.#samples.splice(0, expired)
  }
}

function bytesOf(samples: readonly Sample[]): number {
  return samples.reduce((sum, sample) => sum + sample.bytes, 0)
}
