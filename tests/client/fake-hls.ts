/** Stands for hls.js: what it lists and plays is set by the test; what it was told is kept. */
import { EventEmitter } from 'node:events'
import type { FakeVideo } from './fake-browser.ts'

export class FakeHls extends EventEmitter {
  static readonly Events = {
    ERROR: 'error',
    BUFFER_APPENDED: 'appended',
    MANIFEST_PARSED: 'parsed',
    LEVELS_UPDATED: 'levels',
    AUDIO_TRACKS_UPDATED: 'audio',
  }
  static readonly DefaultConfig = { abrController: class {} }
  static isSupported = () => true
  readonly config: Record<string, unknown>
  url = ''
  video: FakeVideo | undefined
  isDestroyed = false
  recoveries = 0
  playingDate: Date | null = null
  latency = 1
  targetLatency = 1
  liveSyncPosition = 100
  levels: { uri: string; height: number; bitrate: number }[] = []
  startLevel = -1
  nextLevel = -1
  currentLevel = 0
  audioTracks: { name: string; lang?: string }[] = []
  audioTrack = 0
  latestLevelDetails: Details | null = null

  constructor(config: Record<string, unknown>) {
    super()
    this.config = config
  }

  loadSource(url: string): void {
    this.url = url
  }

  attachMedia(video: FakeVideo): void {
    this.video = video
  }

  /** A multivariant playlist with these heights, best first, the first one the source; and several sounds. */
  parse(heights: readonly number[], sounds: readonly string[] = []): void {
    this.levels = heights.map((height, index) => ({
      uri: `/hls/s/${index === 0 ? 'source' : `${height}p`}/playlist.m3u8?viewer=x`,
      height,
      bitrate: height * 3_000,
    }))
    this.audioTracks = sounds.map(name => ({ name }))
    this.emit('parsed')
    this.emit('audio')
  }

  /** Segments of two seconds, the first one at the element's zero. */
  list(startMs: number, endMs: number): void {
    const count = Math.floor((endMs - startMs) / 2_000)
    const fragments = Array.from({ length: count }, (_, index) => ({
      start: index * 2,
      duration: 2,
      programDateTime: startMs + index * 2_000,
    }))
    this.latestLevelDetails = { fragments }
  }

  recoverMediaError(): void {
    this.recoveries++
  }

  destroy(): void {
    this.isDestroyed = true
  }

  fail(type: 'networkError' | 'mediaError'): void {
    this.emit('error', 'error', { fatal: true, type })
  }

  stall(): void {
    this.emit('error', 'error', { fatal: false, type: 'mediaError', details: 'bufferStalledError' })
  }
}

interface Details {
  readonly fragments: readonly { start: number; duration: number; programDateTime: number }[]
}
