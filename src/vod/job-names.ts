/** The jobs about VODs by their names. Each but the last is sent with the VOD's id. */

/** What a VOD's job is sent with. */
export interface OfVod {
  readonly vodId: string
}

/** Takes away the media of one that is `deleted`, then its row. */
export const REMOVAL = 'vod.remove'
/** Makes the pictures of one that has become `ready`. */
export const PICTURES = 'vod.finish-pictures'
/** Every hour: deletes those that are kept for no longer. */
export const RETENTION = 'vod.retention'

/** A VOD without its pictures can be watched: they are not tried for long. */
export const PICTURES_RETRIES = 5
