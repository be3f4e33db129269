/** The channel's videos as its owner sees them: adding, describing, publishing, deleting. */
import { useState } from 'preact/hooks'
import { type ApiVodItem, api, type Channel, useAction, useQuery } from '../api.ts'
import { clock } from '../clock-text.ts'
import { ErrorText } from '../layout.tsx'
import { VodThumbnail } from '../vod/vod-card.tsx'
import { dateText, viewsText } from '../vod/vod-texts.ts'
import { Confirm } from './confirm.tsx'
import { UploadForm } from './upload-form.tsx'
import { VodEdit } from './vod-edit.tsx'

const REFRESH_MS = 4_000
const PAGE = 10

export function VideosSection({ channel }: { channel: Channel }) {
  const [limit, setLimit] = useState(PAGE)
  const { slug } = channel
  const videos = useQuery(`own ${slug} ${limit}`, () => api.vods.list.query({ slug, limit }), REFRESH_MS)
  return (
    <section class="panel later" aria-label="Videos">
      <div class="row">
        <h2>Videos</h2>
        <span class="spacer" />
        <a href={`/${slug}/videos`}>As others see them</a>
      </div>
      <UploadForm channelId={channel.id} onSent={videos.reload} />
      <ErrorText>{videos.error ? 'The videos cannot be loaded. Trying again…' : ''}</ErrorText>
      <ul class="video-rows">
        {videos.data?.items.map(vod => (
          <VideoRow key={vod.id} slug={slug} vod={vod} reload={videos.reload} />
        ))}
      </ul>
      {videos.data?.nextCursor && limit < 100 && (
        <button type="button" class="button quiet" onClick={() => setLimit(limit + PAGE)}>
          Show more
        </button>
      )}
    </section>
  )
}

interface VideoRowProps {
  readonly slug: string
  readonly vod: ApiVodItem
  readonly reload: () => Promise<void>
}

function VideoRow({ slug, vod, reload }: VideoRowProps) {
  const [isEditing, setIsEditing] = useState(false)
  const { id, title, kind, status, durationMs, viewCount, createdAt, visibility, thumbnailUrl } = vod
  const remove = useAction(async () => {
    await api.vods.delete.mutate({ id })
    await reload()
  })
  const facts = [
    { live: 'Stream', upload: 'Upload', clip: 'Clip' }[kind],
    dateText(createdAt),
    durationMs === null ? '' : clock(durationMs),
    status === 'ready' ? viewsText(viewCount) : '',
    visibility,
  ]
  return (
    <li class="video-row">
      <div class="thumbnail">
        <VodThumbnail url={thumbnailUrl} />
      </div>
      <div>
        <p>
          <a href={status === 'recording' ? `/${slug}` : `/v/${id}`}>{title}</a>
        </p>
        <p class="muted small">{facts.filter(Boolean).join(' · ')}</p>
        <VideoStatus vod={vod} />
        <ErrorText>{remove.error}</ErrorText>
        <div class="row">
          <button
            type="button"
            class="button quiet"
            aria-expanded={isEditing}
            onClick={() => setIsEditing(!isEditing)}
          >
            Edit
          </button>
          {status !== 'recording' && (
            <Confirm
              label="Delete"
              question="Delete this video for good?"
              answer="Delete it"
              isBusy={remove.isBusy}
              onConfirm={remove.run}
            />
          )}
        </div>
      </div>
      {isEditing && <VodEdit id={id} onSaved={reload} />}
    </li>
  )
}

function VideoStatus({ vod: { id, status } }: { vod: ApiVodItem }) {
  const isKnown = status === 'ready' || status === 'recording'
  const details = useQuery(
    `details ${id} ${status}`,
    () => api.vods.get.query({ id }),
    isKnown ? undefined : REFRESH_MS,
  )
  const { progress, problem } = details.data ?? {}
  return (
    <>
      {status === 'recording' && <p class="small">Being recorded</p>}
      {status === 'processing' && <progress aria-label="Progress" max={1} value={progress ?? 0} />}
      {status === 'failed' && <p class="small">It could not be made.</p>}
      {problem && <p class="notice-line small">{problem}</p>}
    </>
  )
}
