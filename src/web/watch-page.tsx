/** One channel: its player, and what is on. */
import { useState } from 'preact/hooks'
import { type PlayerState, reasonOf } from '../client/index.ts'
import { api, useQuery } from './api.ts'
import { ErrorText, freshThumbnail, Layout, LivePill, ViewerCount } from './layout.tsx'
import { PlayerView } from './player-view.tsx'

const REFRESH_MS = 5_000

export function WatchPage({ slug }: { slug: string }) {
  const channel = useQuery(slug, () => load(slug), REFRESH_MS)
  const [player, setPlayer] = useState<PlayerState>()
  if (reasonOf(channel.error) === 'channel_not_found') return <NoSuchChannel slug={slug} />
  const stream = channel.data?.stream
  // The player does not wait for what stands beside it.
  return (
    <Layout>
      <div class="watch">
        <PlayerView
          slug={slug}
          posterUrl={stream?.thumbnailUrl ? freshThumbnail(stream.thumbnailUrl) : undefined}
          onState={setPlayer}
        />
        {channel.data ? (
          <WatchHead channel={channel.data} player={player} />
        ) : (
          <ErrorText>{channel.error ? 'The server cannot be reached. Trying again…' : ''}</ErrorText>
        )}
      </div>
    </Layout>
  )
}

interface WatchHeadProps {
  readonly channel: Awaited<ReturnType<typeof load>>
  readonly player: PlayerState | undefined
}

function WatchHead({ channel, player }: WatchHeadProps) {
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
      {description && <p class="description">{description}</p>}
    </div>
  )
}

async function load(slug: string) {
  const channel = await api.channels.get.query({ slug })
  const isOnAir = channel.isLive && channel.streamId !== undefined
  return { ...channel, stream: isOnAir ? await api.streams.get.query({ id: channel.streamId! }) : undefined }
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
