/** The bare player, for a frame on another site. */
import { linkToken } from './link-token.ts'
import { PlayerView } from './player-view.tsx'

export function EmbedPage({ slug }: { slug: string }) {
  return (
    <main class="embed">
      <PlayerView slug={slug} token={linkToken()} />
    </main>
  )
}
