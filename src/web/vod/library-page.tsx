/** A channel's videos: what its streams became, what was uploaded, and clips. */
import { useState } from 'preact/hooks'
import { reasonOf } from '../../client/index.ts'
import { api, useQuery } from '../api.ts'
import { ErrorText, Layout } from '../layout.tsx'
import { VodCard } from './vod-card.tsx'

const KINDS = [
  { kind: undefined, name: 'All', emptyText: 'Streams appear here by themselves when they end.' },
  { kind: 'live', name: 'Streams', emptyText: 'Streams appear here by themselves when they end.' },
  { kind: 'upload', name: 'Uploads', emptyText: 'No video has been added from a file.' },
  { kind: 'clip', name: 'Clips', emptyText: 'Nobody has cut a clip of a stream or a video.' },
] as const
type Kind = (typeof KINDS)[number]['kind']
const PAGE = 24

export function LibraryPage({ slug }: { slug: string }) {
  const [kind, setKind] = useState<Kind>(undefined)
  const channel = useQuery(`channel ${slug}`, () => api.channels.get.query({ slug }))
  if (reasonOf(channel.error) === 'channel_not_found')
    return (
      <Layout>
        <section class="empty">
          <h1>There is no channel “{slug}”</h1>
          <a class="button" href="/">
            Who is live
          </a>
        </section>
      </Layout>
    )
  return (
    <Layout>
      <div class="page-head">
        <h1>{channel.data?.title ?? slug}</h1>
        <a href={`/${slug}`}>{channel.data?.isLive ? 'Live now' : 'Channel'}</a>
        <span class="spacer" />
        <fieldset class="filters">
          <legend class="visually-hidden">Which videos</legend>
          {KINDS.map(each => (
            <button
              key={each.name}
              type="button"
              class="filter"
              aria-pressed={each.kind === kind}
              onClick={() => setKind(each.kind)}
            >
              {each.name}
            </button>
          ))}
        </fieldset>
      </div>
      <VodList key={kind ?? 'all'} slug={slug} kind={kind} />
    </Layout>
  )
}

interface VodListProps {
  readonly slug: string
  readonly kind: Kind
}

function VodList({ slug, kind }: VodListProps) {
  const [limit, setLimit] = useState(PAGE)
  const ask = () => api.vods.list.query({ slug, limit, ...(kind && { kind }) })
  const videos = useQuery(`videos ${slug} ${kind} ${limit}`, ask)
  const [former, setFormer] = useState(videos.data)
  if (videos.data && videos.data !== former) setFormer(videos.data)
  const shown = videos.data ?? former
  if (!shown)
    return <ErrorText>{videos.error ? 'The videos cannot be loaded. Reload the page.' : ''}</ErrorText>
  if (shown.items.length === 0)
    return (
      <section class="empty">
        <h2 class="empty-title">Nothing here yet</h2>
        <p>{KINDS.find(each => each.kind === kind)?.emptyText}</p>
      </section>
    )
  return (
    <>
      <ul class="cards">
        {shown.items.map(vod => (
          <VodCard key={vod.id} slug={slug} vod={vod} />
        ))}
      </ul>
      {shown.nextCursor && limit < 4 * PAGE && (
        <button type="button" class="button quiet" onClick={() => setLimit(limit + PAGE)}>
          Show more
        </button>
      )}
    </>
  )
}
