/** What the benchmark asks of a server under test, whoever made it. */
import type { RtpTarget } from '../../support/publisher.ts'

/** Addresses of one stream; a way of watching that a server does not have is left out. */
export interface StreamAddresses {
  readonly publish: string | RtpTarget
  /** Standard WHEP, for any client. */
  readonly whep?: string
  /** A page whose own player starts by itself. */
  readonly playerPage?: string
  readonly janus?: { readonly url: string; readonly mountPoint: number }
  /** HLS for hls.js. */
  readonly hls?: string
  /** RTMP or HTTP-FLV, for a reader that is no browser. */
  readonly ffmpeg?: string
}

/** One running server: opened, measured, closed before the next is opened. */
export interface System extends AsyncDisposable {
  readonly name: string
  /** The process whose tree is charged. */
  readonly pid: number
  /** Re-encodes for WebRTC what browsers cannot play. */
  readonly reencodes: boolean
  /** A place to publish to. One publisher at a time for each. */
  newStream(): Promise<StreamAddresses>
  /** The 99th percentile of the event loop's delay in milliseconds since it was last asked for, where it is told. */
  eventLoopP99Ms?(): Promise<number | undefined>
  /** How many streams it says are live, where it says. */
  liveStreams?(): Promise<number>
}

/** A server that is not on this machine, and how it gets there. */
export class NotInstalled extends Error {
  override readonly name = 'NotInstalled'
}

export interface SystemEntry {
  readonly name: string
  /** Whether this entry is for a part of the benchmark; for all unless told. */
  readonly measures?: (part: string) => boolean
  /** Throws NotInstalled. */
  open(): Promise<System>
}
