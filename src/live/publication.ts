/** One publisher's hold on a stream, from acceptance to its leaving. */
import type { AccessUnit, Tracks } from '../../media/access-unit.ts'
import type { AppError } from '../errors.ts'

/** The remote encoder, as its ingest shows it. */
export interface Publisher {
  readonly remoteAddress: string
  /** What the encoder calls itself, where it says. */
  readonly software?: string
  /** Asks for a key frame, where the protocol can (WHIP: PLI). */
  requestKeyFrame?(): void
  /** Tells the encoder, which goes on, what its streamer should change, where the protocol has words for that. */
  warn?(message: string): void
  /** Tells the encoder why in its protocol's words and closes the connection. Idempotent. */
  disconnect(reason: AppError): void
}

/** What an ingest holds after `Live.publish`. */
export interface Publication {
  /** The channel's. */
  readonly slug: string
  /**
   * The publisher's tracks are known: what is written to the answer flows into the stream, or waits there as its backup.
   * Called again when the tracks change; the writer before is then without effect.
   */
  start(tracks: Tracks): { write(unit: AccessUnit): void }
  /** The publisher is gone. `isOrderly`: it said that it is done, so the stream does not wait for its return. Idempotent. */
  leave(end: { readonly isOrderly: boolean; readonly cause?: Error | undefined }): void
}

export interface PublishRequest {
  readonly streamKey: string
  /** It stands by beside the primary. */
  readonly isBackup: boolean
  /** The channel that the encoder named beside the key, where its protocol has a place for that. */
  readonly slug?: string
}
