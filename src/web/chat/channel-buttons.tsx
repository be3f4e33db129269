/** What viewers say with one click: that they follow the channel, that they like the stream. */
import { useState } from 'preact/hooks'
import { type Channel, type Stream, useAction } from '../api.ts'
import { ErrorText } from '../layout.tsx'
import { follow, like } from './chat-api.ts'
import type { ChatRoom } from './chat-room.ts'
import { useRoomState } from './use-chat.ts'

type Liked = Pick<Stream, 'id' | 'likes' | 'isLiked'>

interface ChannelButtonsProps {
  readonly channel: Channel
  /** Undefined: nothing is on. */
  readonly stream: Liked | undefined
  readonly room: ChatRoom
  readonly askToSignIn: () => void
  readonly reload: () => Promise<void>
}

export function ChannelButtons({ channel, stream, room, askToSignIn, reload }: ChannelButtonsProps) {
  const { me, likes } = useRoomState(room)
  return (
    <div class="channel-buttons">
      <FollowButton channel={channel} onSignIn={me?.isGuest ? askToSignIn : undefined} reload={reload} />
      {stream && <LikeButton key={stream.id} stream={stream} toldLikes={likes} />}
    </div>
  )
}

interface FollowButtonProps {
  readonly channel: Pick<Channel, 'id' | 'slug' | 'isFollowing' | 'followerCount'>
  /** Asks to sign in instead. */
  readonly onSignIn: (() => void) | undefined
  readonly reload: () => Promise<void>
}

function FollowButton({ channel, onSignIn, reload }: FollowButtonProps) {
  const { id, slug, isFollowing, followerCount } = channel
  const change = useAction(async () => {
    await follow(id, !isFollowing)
    await reload()
  })
  return (
    <>
      <button
        type="button"
        class={isFollowing ? 'button quiet small-button' : 'button small-button'}
        aria-pressed={isFollowing}
        aria-label={`Follow ${slug}`}
        title={followerCount === 1 ? '1 follower' : `${followerCount.toLocaleString('en')} followers`}
        disabled={change.isBusy}
        onClick={onSignIn ?? change.run}
      >
        {isFollowing ? 'Following' : 'Follow'}
        {followerCount > 0 && <span class="count">{short(followerCount)}</span>}
      </button>
      <ErrorText>{change.error}</ErrorText>
    </>
  )
}

/** `toldLikes`: what the room has heard since, which is fresher than the page. */
function LikeButton({ stream, toldLikes }: { stream: Liked; toldLikes: number | undefined }) {
  const [mine, setMine] = useState<{ likes: number; isLiked: boolean }>()
  const isLiked = mine?.isLiked ?? stream.isLiked
  const likes = toldLikes ?? mine?.likes ?? stream.likes
  const change = useAction(async () => setMine(await like(stream.id, !isLiked)))
  return (
    <>
      <button
        type="button"
        class={isLiked ? 'button quiet small-button liked' : 'button quiet small-button'}
        aria-pressed={isLiked}
        aria-label={`Like, ${likes} so far`}
        disabled={change.isBusy}
        onClick={change.run}
      >
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
          <path d="M12 20S4 15.4 4 9.6A4.4 4.4 0 0 1 12 7a4.4 4.4 0 0 1 8 2.6C20 15.4 12 20 12 20Z" />
        </svg>
        {short(likes)}
      </button>
      <ErrorText>{change.error}</ErrorText>
    </>
  )
}

const short = new Intl.NumberFormat('en', { notation: 'compact' }).format
