/** One VOD or clip: its player, what it is, its chat as it was, and what people say about it. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { reasonOf, type VodPlayer, type VodPlayerState } from '../../client/index.ts'
import { type ApiVod, api, useQuery } from '../api.ts'
import { ChatReplay } from '../chat/chat-replay.tsx'
import { SignInDialog } from '../chat/sign-in-dialog.tsx'
import { Comments } from '../comments/comments.tsx'
import { ErrorText, Layout } from '../layout.tsx'
import { linkToken } from '../link-token.ts'
import { ClipDialog } from './clip-dialog.tsx'
import { VodPlayerView } from './vod-player-view.tsx'
import { dateText, viewsText } from './vod-texts.ts'

const REFRESH_MS = 3_000
const REPORT_MS = 10_000
/** Somebody who stopped so near the end has seen it. */
const END_MS = 15_000

export function VodPage({ id }: { id: string }) {
  const token = linkToken()
  const [isDone, setIsDone] = useState(false)
  const vod = useQuery(`vod ${id}`, () => load(id, token), isDone ? undefined : REFRESH_MS)
  const status = vod.data?.status
  useEffect(() => setIsDone(status === 'ready' || status === 'failed'), [status])
  if (vod.data) return <Page vod={vod.data} token={token} reload={vod.reload} />
  return (
    <Layout>
      {reasonOf(vod.error) ? (
        <NoSuchVideo error={vod.error} />
      ) : (
        <ErrorText>{serverAway(vod.error)}</ErrorText>
      )}
    </Layout>
  )
}

function load(id: string, token: string | undefined): Promise<ApiVod> {
  return api.vods.get.query({ id, ...(token !== undefined && { token }) })
}

interface PageProps {
  readonly vod: ApiVod
  readonly token: string | undefined
  readonly reload: () => Promise<void>
}

function Page({ vod, token, reload }: PageProps) {
  const player = useRef<VodPlayer>(undefined)
  const [state, setState] = useState<VodPlayerState>()
  const [isClipping, setIsClipping] = useState(false)
  const [isSigningIn, setIsSigningIn] = useState(false)
  useReports(vod.id, token, state)
  // What a token has opened for hours is opened anew where it was.
  const startMs = state && state.positionMs > 0 ? state.positionMs : startOf(vod)
  useEffect(() => {
    if (state?.status === 'failed') reload()
  }, [state?.status])
  const me = useQuery('me', () => api.auth.me.query())
  return (
    <Layout>
      <div class={vod.kind === 'upload' || !vod.hlsUrl ? '' : 'watch-layout'}>
        <div class="watch">
          {vod.hlsUrl ? (
            <VodPlayerView
              name={vod.title}
              hlsUrl={vod.hlsUrl}
              posterUrl={vod.thumbnailUrl}
              storyboardUrl={vod.storyboardUrl}
              startMs={startMs}
              onPlayer={opened => {
                player.current = opened
              }}
              onState={setState}
            />
          ) : (
            <Unplayable vod={vod} />
          )}
          <VodHead
            vod={vod}
            clip={vod.kind === 'clip' || !vod.hlsUrl ? undefined : () => setIsClipping(true)}
          />
        </div>
        {vod.kind !== 'upload' && vod.hlsUrl && (
          <ChatReplay
            vodId={vod.id}
            token={token}
            positionMs={state?.positionMs ?? 0}
            isPlaying={state?.status === 'playing'}
            rate={state?.speed ?? 1}
          />
        )}
        {vod.hlsUrl && (
          <div class="watch-below">
            <Comments vodId={vod.id} token={token} identity={me.data?.id ?? ''} onSignedIn={me.reload} />
          </div>
        )}
      </div>
      {isClipping && (
        <ClipDialog
          source={{ vodId: vod.id }}
          title={vod.title}
          lengthMs={state?.durationMs || (vod.durationMs ?? 0)}
          positionMs={state?.positionMs ?? 0}
          onSignIn={() => setIsSigningIn(true)}
          onClose={() => setIsClipping(false)}
        />
      )}
      {isSigningIn && <SignInDialog onSignedIn={reload} onClose={() => setIsSigningIn(false)} />}
    </Layout>
  )
}

function Unplayable({ vod }: { vod: ApiVod }) {
  const percent = Math.round(100 * (vod.progress ?? 0))
  return (
    <div class="player">
      <div class="overlay full" role="status">
        {vod.status === 'recording' && (
          <>
            <strong>This stream is live</strong>
            <a class="button" href={`/${vod.channel.slug}`}>
              Watch it
            </a>
          </>
        )}
        {vod.status === 'processing' && (
          <>
            <strong>This video is being made</strong>
            <progress aria-label="Progress" max={100} value={percent} />
            <span>{percent} %</span>
          </>
        )}
        {vod.status === 'failed' && (
          <>
            <strong>This video could not be made</strong>
            <span>{vod.problem}</span>
          </>
        )}
      </div>
    </div>
  )
}

interface VodHeadProps {
  readonly vod: ApiVod
  /** Undefined: it cannot be clipped. */
  readonly clip: (() => void) | undefined
}

function VodHead({ vod, clip }: VodHeadProps) {
  const {
    channel,
    title,
    description,
    tags,
    viewCount,
    createdAt,
    kind,
    author,
    visibility,
    problem,
    status,
  } = vod
  return (
    <div class="watch-head">
      <h1>{title}</h1>
      <p class="facts">
        <a class="channel-name" href={`/${channel.slug}`}>
          {channel.slug}
        </a>
        {kind === 'clip' && author && <span class="muted">clipped by {author.username}</span>}
        <span class="muted">{dateText(createdAt)}</span>
        {vod.hlsUrl && <span class="muted">{viewsText(viewCount)}</span>}
        {visibility !== 'public' && <span class="pill">{visibility}</span>}
      </p>
      <p class="row">
        {clip && (
          <button type="button" class="button quiet" onClick={clip}>
            Clip
          </button>
        )}
        {vod.downloadUrl && (
          <a class="button quiet" href={vod.downloadUrl}>
            Download
          </a>
        )}
        <a class="button quiet" href={`/${channel.slug}/videos`}>
          More videos
        </a>
        {vod.sourceId && (
          <a class="button quiet" href={`/v/${vod.sourceId}?t=${Math.round((vod.clip?.fromMs ?? 0) / 1000)}`}>
            Whole video
          </a>
        )}
      </p>
      {status === 'ready' && problem && <p class="notice-line">{problem}</p>}
      {description && <p class="description">{description}</p>}
      {tags.length > 0 && (
        <ul class="tags" aria-label="Tags">
          {tags.map(tag => (
            <li key={tag}>{tag}</li>
          ))}
        </ul>
      )}
    </div>
  )
}

/** Where the address says (`?t=SECONDS`), else where the viewer stopped. */
function startOf({ positionMs, durationMs }: ApiVod): number {
  const asked = Number(new URLSearchParams(location.search).get('t'))
  if (asked > 0) return asked * 1000
  return positionMs < (durationMs ?? 0) - END_MS ? positionMs : 0
}

/** Tells how far it was watched, every ten seconds and when it stops. */
function useReports(id: string, token: string | undefined, state: VodPlayerState | undefined): void {
  const latest = useRef({ positionMs: 0, toldMs: 0 })
  latest.current.positionMs = state?.positionMs ?? 0
  const isPlaying = state?.status === 'playing'
  useEffect(() => {
    if (!isPlaying) return
    const tell = () => {
      const { positionMs, toldMs } = latest.current
      if (Math.abs(positionMs - toldMs) < 1_000) return
      latest.current.toldMs = positionMs
      // Nobody misses one.
      api.vods.watched.mutate({ id, positionMs, ...(token !== undefined && { token }) }).catch(() => {})
    }
    const timer = setInterval(tell, REPORT_MS)
    return () => {
      clearInterval(timer)
      tell()
    }
  }, [id, isPlaying])
}

function NoSuchVideo({ error }: { error: unknown }) {
  const isPrivate = ['playback_forbidden', 'not_signed_in', 'playback_token_invalid'].includes(
    reasonOf(error) ?? '',
  )
  return (
    <section class="empty">
      <h1>{isPrivate ? 'This video is private' : 'There is no such video'}</h1>
      <p>
        {isPrivate ? 'Sign in as somebody who may watch it, or ask for a link.' : 'It may have been deleted.'}
      </p>
      <a class="button" href="/">
        Who is live
      </a>
    </section>
  )
}

function serverAway(error: unknown): string {
  return error ? 'The server cannot be reached. Trying again…' : ''
}

/** The bare player, for a frame on another site. */
export function VodEmbedPage({ id }: { id: string }) {
  const token = linkToken()
  const vod = useQuery(`vod ${id}`, () => load(id, token))
  if (!vod.data)
    return <main class="embed">{vod.error ? <NoSuchVideo error={vod.error} /> : <div class="player" />}</main>
  const { hlsUrl, title, thumbnailUrl, storyboardUrl } = vod.data
  return (
    <main class="embed">
      {hlsUrl ? (
        <VodPlayerView
          name={title}
          hlsUrl={hlsUrl}
          posterUrl={thumbnailUrl}
          storyboardUrl={storyboardUrl}
          startMs={startOf(vod.data)}
        />
      ) : (
        <Unplayable vod={vod.data} />
      )}
    </main>
  )
}
