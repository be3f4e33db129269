/** One channel: its player, and what is on. */
import { useState } from 'preact/hooks'
import { type PlayerState, reasonOf } from '../client/index.ts'
import { api, type Stream, useQuery } from './api.ts'
import { ChannelButtons } from './chat/channel-buttons.tsx'
import { ChatPanel } from './chat/chat-panel.tsx'
import type { ChatRoom } from './chat/chat-room.ts'
import { FloatingReactions } from './chat/reactions.tsx'
import { SignInDialog } from './chat/sign-in-dialog.tsx'
import { useChatRoom } from './chat/use-chat.ts'
import { ErrorText, freshThumbnail, Layout, LivePill, ViewerCount } from './layout.tsx'
import { linkToken } from './link-token.ts'
import { PlayerView } from './player-view.tsx'
import { ClipDialog } from './vod/clip-dialog.tsx'
import { LatestVideos } from './vod/latest-videos.tsx'

const REFRESH_MS = 5_000

export function WatchPage({ slug }: { slug: string }) {
  const token = linkToken()
  const channel = useQuery(slug, () => load(slug, token), REFRESH_MS)
  const [player, setPlayer] = useState<PlayerState>()
  const [signIns, setSignIns] = useState(0)
  const [isSigningIn, setIsSigningIn] = useState(false)
  const [clipEnd, setClipEnd] = useState<number>()
  const room = useChatRoom(slug, String(signIns))
  if (reasonOf(channel.error) === 'channel_not_found') return <NoSuchChannel slug={slug} />
  const stream = channel.data?.stream
  const askToSignIn = () => setIsSigningIn(true)
  const signedIn = async () => {
    setSignIns(signIns + 1)
    await channel.reload()
  }
  // The player does not wait for what stands beside it.
  return (
    <Layout>
      <div class="watch-layout">
        <div class="watch">
          <div class="stage">
            <PlayerView
              slug={slug}
              token={token}
              identity={String(signIns)}
              posterUrl={stream?.thumbnailUrl ? freshThumbnail(stream.thumbnailUrl) : undefined}
              previewUrl={stream && previewOf(stream)}
              onState={setPlayer}
            />
            {room && <FloatingReactions room={room} />}
          </div>
          {channel.data ? (
            <WatchHead
              channel={channel.data}
              player={player}
              room={room}
              askToSignIn={askToSignIn}
              clip={() => setClipEnd(player?.timeline?.positionMs ?? Date.now())}
              reload={channel.reload}
            />
          ) : (
            <ErrorText>{channel.error ? 'The server cannot be reached. Trying again…' : ''}</ErrorText>
          )}
        </div>
        {room && (
          <ChatPanel
            slug={slug}
            channelId={channel.data?.id}
            room={room}
            onSignIn={askToSignIn}
            tools={<PopoutButton slug={slug} />}
          />
        )}
        <div class="watch-below">{channel.data && <LatestVideos slug={slug} />}</div>
      </div>
      {clipEnd !== undefined && stream && (
        <LiveClip
          {...{ slug, stream, player, clipEnd }}
          onSignIn={askToSignIn}
          onClose={() => setClipEnd(undefined)}
        />
      )}
      {isSigningIn && <SignInDialog onSignedIn={signedIn} onClose={() => setIsSigningIn(false)} />}
    </Layout>
  )
}

const PREVIEW_STEP_MS = 5_000

/** Every five seconds another one, so that many who look share them. */
function previewOf({ id, startedAt }: Pick<Stream, 'id' | 'startedAt'>) {
  if (startedAt === null) return undefined
  const begin = Date.parse(startedAt)
  return (timeMs: number) => {
    const at = Math.max(0, PREVIEW_STEP_MS * Math.floor((timeMs - begin) / PREVIEW_STEP_MS))
    return `/streams/${id}/frame.jpg?at=${at}&width=160`
  }
}

interface LiveClipProps {
  readonly slug: string
  readonly stream: Pick<Stream, 'title' | 'startedAt'>
  readonly player: PlayerState | undefined
  /** When what was on screen was captured, milliseconds since the epoch. */
  readonly clipEnd: number
  readonly onSignIn: () => void
  readonly onClose: () => void
}

function LiveClip({ slug, stream, player, clipEnd, onSignIn, onClose }: LiveClipProps) {
  if (stream.startedAt === null) return null
  const startsAt = Date.parse(stream.startedAt)
  return (
    <ClipDialog
      source={{ slug, startsAt }}
      title={stream.title}
      lengthMs={(player?.timeline?.endMs ?? clipEnd) - startsAt}
      positionMs={clipEnd - startsAt}
      onSignIn={onSignIn}
      onClose={onClose}
    />
  )
}

interface WatchHeadProps {
  readonly channel: Awaited<ReturnType<typeof load>>
  readonly player: PlayerState | undefined
  readonly room: ChatRoom | undefined
  readonly askToSignIn: () => void
  /** Of what is on. */
  readonly clip: () => void
  readonly reload: () => Promise<void>
}

function WatchHead({ channel, player, room, askToSignIn, clip, reload }: WatchHeadProps) {
  const { slug, title, description, owner, stream } = channel
  const isOnAir = stream !== undefined && player?.status !== 'offline'
  const isAway = stream?.status === 'reconnecting' || player?.status === 'reconnecting'
  return (
    <div class="watch-head">
      <h1>{stream?.title ?? title}</h1>
      <p class="facts">
        {isOnAir ? (
          <LivePill>{isAway ? 'Reconnecting' : undefined}</LivePill>
        ) : (
          <span class="pill">Offline</span>
        )}
        <span class="channel-name">{slug}</span>
        <span class="muted">by {owner.username}</span>
        {isOnAir && <ViewerCount count={stream.viewerCount} />}
        {player && <PlayingBy state={player} />}
      </p>
      {room && (
        <ChannelButtons
          channel={channel}
          stream={isOnAir ? stream : undefined}
          room={room}
          askToSignIn={askToSignIn}
          reload={reload}
        />
      )}
      {isOnAir && stream.startedAt && (
        <p class="row">
          <button type="button" class="button quiet" onClick={clip}>
            Clip
          </button>
        </p>
      )}
      {channel.visibility === 'private' && !channel.mayWatch && (
        <button type="button" class="button" onClick={askToSignIn}>
          Sign in to watch
        </button>
      )}
      {description && <p class="description">{description}</p>}
    </div>
  )
}

function PopoutButton({ slug }: { slug: string }) {
  const address = `/chat/${slug}/popout`
  return (
    <a class="chat-tool" href={address} target="_blank" rel="noopener" title="Chat in a window of its own">
      <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
        <path d="M14 4h6v6m0-6-9 9M18 14v6H4V6h6" />
      </svg>
      <span class="visually-hidden">Chat in a window of its own</span>
    </a>
  )
}

async function load(slug: string, token: string | undefined) {
  const shown = token === undefined ? {} : { token }
  const channel = await api.channels.get.query({ slug, ...shown })
  const { streamId } = channel
  const isOnAir = channel.isLive && streamId !== undefined
  return { ...channel, stream: isOnAir ? await api.streams.get.query({ id: streamId, ...shown }) : undefined }
}

/** In words what the badge in the player says in short. */
function PlayingBy({ state: { protocol, delayMs, reason } }: { state: PlayerState }) {
  if (protocol === 'none') return null
  const name = protocol === 'webrtc' ? 'WebRTC' : 'Low-Latency HLS'
  return (
    <span class="muted" title={reason}>
      {name}
      {delayMs !== undefined && `, ${(delayMs / 1000).toFixed(protocol === 'webrtc' ? 2 : 1)} s behind`}
    </span>
  )
}

function NoSuchChannel({ slug }: { slug: string }) {
  return (
    <Layout>
      <section class="empty">
        <h1>There is no channel “{slug}”</h1>
        <p>Check the address, or see who is live.</p>
        <a class="button" href="/">
          Who is live
        </a>
      </section>
    </Layout>
  )
}
