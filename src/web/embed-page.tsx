/** The bare player, for a frame on another site. */
import { PlayerView } from './player-view.tsx'

export function EmbedPage({ slug }: { slug: string }) {
  return (
    <main class="embed">
      <PlayerView slug={slug} />
    </main>
  )
}
