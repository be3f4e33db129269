/** A channel's newest videos, below what it shows live. */
import { api, useQuery } from '../api.ts'
import { VodCard } from './vod-card.tsx'

const REFRESH_MS = 60_000
const COUNT = 4

/** Nothing, where there are none. */
export function LatestVideos({ slug }: { slug: string }) {
  const videos = useQuery(`latest ${slug}`, () => api.vods.list.query({ slug, limit: COUNT + 1 }), REFRESH_MS)
  const finished = videos.data?.items.filter(vod => vod.status === 'ready').slice(0, COUNT) ?? []
  if (finished.length === 0) return null
  return (
    <section class="latest-videos" aria-label="Latest videos">
      <div class="row">
        <h2>Latest videos</h2>
        <a href={`/${slug}/videos`}>All videos</a>
      </div>
      <ul class="cards">
        {finished.map(vod => (
          <VodCard key={vod.id} slug={slug} vod={vod} />
        ))}
      </ul>
    </section>
  )
}
