/** Who is live now. */
import { useState } from 'preact/hooks'
import { api, type Stream, useQuery } from './api.ts'
import { freshThumbnail, Layout, LivePill, ViewerCount } from './layout.tsx'

const REFRESH_MS = 5_000

export function HomePage() {
  const [limit, setLimit] = useState(24)
  const live = useQuery(`live ${limit}`, () => api.streams.live.query({ limit }), REFRESH_MS)
  const streams = live.data?.items
  return (
    <Layout>
      <div class="page-head">
        <h1>Live now</h1>
        {streams && streams.length > 0 && <span class="muted">{channelCount(streams.length)}</span>}
      </div>
      <p class="notice-line" role="status">
        {live.error ? 'The list cannot be loaded at the moment. Trying again…' : ''}
      </p>
      {streams?.length === 0 && <NobodyLive />}
      {streams && streams.length > 0 && (
        <ul class="cards">
          {streams.map(stream => (
            <StreamCard key={stream.id} stream={stream} />
          ))}
        </ul>
      )}
      {live.data?.nextCursor && limit < 96 && (
        <button type="button" class="button quiet" onClick={() => setLimit(limit + 24)}>
          Show more
        </button>
      )}
    </Layout>
  )
}

function StreamCard({
  stream,
}: {
  stream: Pick<Stream, 'channel' | 'title' | 'viewerCount' | 'thumbnailUrl'>
}) {
  const { channel, title, viewerCount, thumbnailUrl } = stream
  return (
    <li class="card">
      <a href={`/${channel.slug}`}>
        <div class="thumbnail">
          <Thumbnail url={thumbnailUrl} />
          <LivePill />
          <ViewerCount count={viewerCount} />
        </div>
        <h2>{title}</h2>
        <p class="muted">{channel.slug}</p>
      </a>
    </li>
  )
}

/** The first picture comes a moment after the stream does; until then there is a plain surface. */
function Thumbnail({ url }: { url: string | null }) {
  const [failedUrl, setFailedUrl] = useState<string>()
  const address = url && freshThumbnail(url)
  if (!address || address === failedUrl) return null
  return <img src={address} alt="" width="640" height="360" onError={() => setFailedUrl(address)} />
}

function NobodyLive() {
  return (
    <section class="empty">
      <h2 class="empty-title">Nobody is live</h2>
      <p>Be the first: it takes about two minutes.</p>
      <ol class="steps">
        <li>
          <strong>Sign up</strong> and name your channel on the <a href="/dashboard">dashboard</a>.
        </li>
        <li>
          <strong>Copy</strong> server and stream key into OBS, under Settings → Stream → Service: Custom.
        </li>
        <li>
          <strong>Start streaming.</strong> Your channel shows up here by itself.
        </li>
      </ol>
      <a class="button" href="/dashboard">
        Go live
      </a>
    </section>
  )
}

function channelCount(count: number): string {
  return count === 1 ? '1 channel' : `${count} channels`
}
