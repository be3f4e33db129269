/** What the live session asks of everything that shows a stream to viewers: WebRTC, HLS, thumbnails. */
import type { Broadcast, Sink } from './broadcast.ts'

/** What an output may know of the stream it serves. */
export interface StreamIdentity {
  /** The stream's id: one live period of the channel. */
  readonly id: string
  readonly channelId: string
  /** The channel's slug: `[a-z0-9_-]{1,64}`. */
  readonly slug: string
}

/**
 * What viewers of one stream hold on to. It outlives the broadcasts that feed it: `attach` is called once per
 * broadcast, after the previous broadcast's sink was closed, and continues what is there.
 */
export interface Output {
  attach(broadcast: Broadcast): Sink
  /** Sessions it serves now; one person may have several. */
  readonly viewerCount: number
  /** What tells those apart who watch now: a browser's key, or one of a session alone. A person may occur twice. */
  viewerKeys(): Iterable<string>
  /** The stream has ended: viewers are told, everything is released. Idempotent. */
  close(): Promise<void>
}

/** Makes an output when a stream opens; the composition root gives the live session a list of these. */
export type OpenOutput = (stream: StreamIdentity) => Promise<Output>
