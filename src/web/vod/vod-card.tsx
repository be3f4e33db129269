/** One video in a list. */
import { useState } from 'preact/hooks'
import type { ApiVodItem } from '../api.ts'
import { clock } from '../clock-text.ts'
import { dateText, viewsText } from './vod-texts.ts'

export function VodCard({ slug, vod }: { slug: string; vod: ApiVodItem }) {
  const { id, title, kind, status, durationMs, thumbnailUrl, viewCount, createdAt, visibility, author } = vod
  return (
    <li class="card">
      <a href={status === 'recording' ? `/${slug}` : `/v/${id}`}>
        <div class="thumbnail">
          <VodThumbnail url={thumbnailUrl} />
          {status === 'recording' && <span class="pill live">Live</span>}
          {status === 'processing' && <span class="pill">In work</span>}
          {status === 'failed' && <span class="pill">Failed</span>}
          {durationMs !== null && status === 'ready' && <span class="vod-length">{clock(durationMs)}</span>}
        </div>
        <h2>{title}</h2>
        <p class="muted">
          {kind === 'clip' && author ? `${author.username} · ` : ''}
          {viewsText(viewCount)} · {dateText(createdAt)}
          {visibility !== 'public' && ` · ${visibility}`}
        </p>
      </a>
    </li>
  )
}

/** A plain surface where there is no picture. */
export function VodThumbnail({ url }: { url: string | null }) {
  const [failedUrl, setFailedUrl] = useState<string>()
  if (url === null || url === failedUrl) return null
  return <img src={url} alt="" width="640" height="360" loading="lazy" onError={() => setFailedUrl(url)} />
}
