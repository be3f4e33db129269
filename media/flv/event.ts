/** What a message of RTMP or FLV amounts to. */
import type { AccessUnit, Track } from '../access-unit.ts'

export type FlvEvent =
  /** A track's configuration arrived for the first time, or really changed: the object is new. */
  | { readonly type: 'track'; readonly track: Track }
  | { readonly type: 'unit'; readonly unit: AccessUnit }
  /**
   * Understood, but not carried: a track that is not, a frame before its configuration, an empty frame, one that
   * nobody could decode.
   */
  | { readonly type: 'skipped'; readonly reason: 'other_track' | 'no_config' | 'empty' | 'undecodable' }
  /** The default track is in a codec that is not carried. `codec`: FourCC or `flv:N`; `name` is for people. */
  | {
      readonly type: 'unsupported'
      readonly kind: 'audio' | 'video'
      readonly codec: string
      readonly name: string
    }
