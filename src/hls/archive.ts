/** What HLS asks of whoever keeps a stream's segments for longer than memory does. */
import type { StreamIdentity } from '../live/output.ts'
import type { RenditionKind } from './rendition.ts'
import type { SegmentConsumer } from './segment.ts'

/** Of one stream. */
export interface StreamArchive {
  /** Takes all that is made of the rendition. Undefined: it is not kept. */
  consumerOf(rendition: string, kind: RenditionKind): SegmentConsumer | undefined
  /** The segment can be read, and will be for as long as the stream is served. */
  holds(rendition: string, sequence: number): boolean
  /** Its bytes; undefined: it is lost. */
  read(rendition: string, sequence: number): Promise<Uint8Array<ArrayBuffer> | undefined>
  /** No more will come. Idempotent. */
  close(): Promise<void>
}

export interface Archive {
  open(stream: StreamIdentity): Promise<StreamArchive>
}
