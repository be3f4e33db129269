/** Which words can be a channel's address. */
import { AppError } from '../errors.ts'

const slugForm = /^[a-z0-9_-]{2,64}$/

/** Words that are routes, may become routes, or would let a channel pose as the server. */
const reserved = new Set(
  `about account accounts admin api app assets auth avatar avatars browse categories category channel channels chat
  client clip clips config dash dashboard directory doc docs download downloads embed emotes explore favicon feed flv following
  health healthz help hls home images img index ingest irc javascripts js json legal live login logout manifest me
  media metrics moderation moderator null oembed openapi ping playback player playlists policy privacy public readyz
  register robots root rss rtmp search security settings setup sign-in sign-out sign-up signin signout signup sitemap
  sluice src srt static status stream streams styles stylesheets subscribe subscriptions support sw system team terms
  test thumbnail thumbnails trpc undefined user users v1 v2 video videos vod vods webhooks webrtc well-known whep whip
  worker workers www`.split(/\s+/),
)

/** Throws `AppError` INVALID (`slug_invalid`, `slug_reserved`). */
export function checkSlug(slug: string): void {
  if (!slugForm.test(slug))
    throw new AppError(
      'INVALID',
      'slug_invalid',
      'A channel address has 2 to 64 of the characters a-z, 0-9, _ and -.',
    )
  if (reserved.has(slug))
    throw new AppError(
      'INVALID',
      'slug_reserved',
      `"${slug}" is a word the server needs itself. Choose another.`,
    )
}
