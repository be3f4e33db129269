/** Runs inside a page before its own scripts: sees what the page's <video> shows and sounds like, whoever plays it. */
import { audioEnergyOfElement } from './audio-energy.ts'
import { Clock } from './clock.ts'

/** What the page's first <video> has done until now. */
export interface PictureState {
  readonly width: number
  readonly height: number
  readonly decodedFrames: number
  readonly droppedFrames: number
  /** Seconds on the element's own time line. */
  readonly currentTime: number
  readonly isPaused: boolean
  /** How often it ran dry after it had begun to play. */
  readonly stalls: number
}

/** Of one kind of track, summed over the page's connections. */
export interface RtpState {
  readonly packets: number
  readonly lost: number
  readonly framesDecoded: number
  readonly framesDropped: number
  readonly freezes: number
  readonly jitterBufferMs: number | undefined
  readonly concealedSamples: number
  readonly totalSamples: number
  readonly audioEnergy: number
}

const THUMBNAIL = { width: 64, height: 36 }

export class Observer {
  readonly connections: RTCPeerConnection[] = []
  readonly clock = new Clock(() => this.video)
  /** Of the page's second <video>, where it has one. */
  readonly secondClock = new Clock(() => document.querySelectorAll('video')[1] ?? null)
  #stalls = 0
  #hasPlayed = false

  constructor() {
    this.#hookConnections()
    // Media events do not bubble, but are seen on the way down.
    document.addEventListener(
      'playing',
      () => {
        this.#hasPlayed = true
      },
      true,
    )
    document.addEventListener(
      'waiting',
      () => {
        if (this.#hasPlayed) this.#stalls++
      },
      true,
    )
  }

  get video(): HTMLVideoElement | null {
    return document.querySelector('video')
  }

  picture(): PictureState | undefined {
    const video = this.video
    if (!video) return undefined
    const quality = video.getVideoPlaybackQuality()
    return {
      width: video.videoWidth,
      height: video.videoHeight,
      decodedFrames: quality.totalVideoFrames,
      droppedFrames: quality.droppedVideoFrames,
      currentTime: video.currentTime,
      isPaused: video.paused,
      stalls: this.#stalls,
    }
  }

  /** Mean difference (0 to 255) between two pictures shown `pictures` apart; 0 when nothing moves. */
  async motion(pictures = 15): Promise<number> {
    const video = this.video
    if (!video) return 0
    const first = grab(video)
    for (let seen = 0; seen < pictures; seen++) await nextPicture(video)
    const second = grab(video)
    return first.reduce((sum, value, index) => sum + Math.abs(value - second[index]!), 0) / first.length
  }

  /**
   * Grows while something is heard: of received RTP what the browser itself counts, otherwise measured at the
   * element, from the first call on.
   */
  async audioEnergy(): Promise<number> {
    if (this.video?.srcObject instanceof MediaStream) return (await this.rtp('audio')).audioEnergy
    return this.video ? audioEnergyOfElement(this.video) : 0
  }

  async rtp(
    kind: 'audio' | 'video',
    connections: readonly RTCPeerConnection[] = this.connections,
  ): Promise<RtpState> {
    const reports = await Promise.all(connections.map(connection => connection.getStats()))
    const inbound = reports.flatMap(report => [...report.values()].filter(isInbound(kind)))
    const sum = (field: string) => inbound.reduce((total, each) => total + Number(each[field] ?? 0), 0)
    const emitted = sum('jitterBufferEmittedCount')
    return {
      packets: sum('packetsReceived'),
      lost: sum('packetsLost'),
      framesDecoded: sum('framesDecoded'),
      framesDropped: sum('framesDropped'),
      freezes: sum('freezeCount'),
      jitterBufferMs: emitted > 0 ? (1000 * sum('jitterBufferDelay')) / emitted : undefined,
      concealedSamples: sum('concealedSamples'),
      totalSamples: sum('totalSamplesReceived'),
      audioEnergy: sum('totalAudioEnergy'),
    }
  }

  #hookConnections(): void {
    const { connections } = this
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration)
        connections.push(this)
      }
    }
  }
}

declare global {
  interface Window {
    observer: Observer
  }
}

function isInbound(kind: string): (report: Record<string, unknown>) => boolean {
  return report => report['type'] === 'inbound-rtp' && report['kind'] === kind
}

function nextPicture(video: HTMLVideoElement): Promise<void> {
  return new Promise(resolve => video.requestVideoFrameCallback(() => resolve()))
}

function grab(video: HTMLVideoElement): Uint8ClampedArray {
  const canvas = new OffscreenCanvas(THUMBNAIL.width, THUMBNAIL.height)
  const context = canvas.getContext('2d')!
  context.drawImage(video, 0, 0, THUMBNAIL.width, THUMBNAIL.height)
  return context.getImageData(0, 0, THUMBNAIL.width, THUMBNAIL.height).data
}

window.observer = new Observer()
