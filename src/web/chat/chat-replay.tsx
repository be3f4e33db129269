/** What was said while a video was made, beside it: in time with the picture, and only to read. */
import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useState } from 'preact/hooks'
import { createChatReplay, type ReplayPosition } from '../../client/index.ts'
import { api } from '../api.ts'
import { Announcer } from './announcer.tsx'
import { MessageList } from './message-list.tsx'
import { MessageMenu, type OpenMenu } from './message-menu.tsx'
import { ReplayRoom, type ReplayState } from './replay-room.ts'

interface ChatReplayProps extends ReplayPosition {
  readonly vodId: string
  /** Of a share link. */
  readonly token?: string | undefined
  /** Beside the heading. */
  readonly tools?: ComponentChildren
}

/**
 * `positionMs`, `isPlaying` and `rate` are the player's, as often as it tells them: where it is on the video's time line,
 * whether the picture moves, and how fast.
 */
export function ChatReplay({ vodId, token, positionMs, isPlaying, rate, tools }: ChatReplayProps) {
  const room = useReplayRoom(vodId, token)
  useLayoutEffect(() => room?.follow({ positionMs, isPlaying, rate }), [room, positionMs, isPlaying, rate])
  return (
    <section class="chat" aria-label="Chat replay">
      <header class="chat-head">
        <h2>Chat</h2>
        <span class="muted small">replay</span>
        <span class="spacer" />
        {tools}
      </header>
      {room && <Replayed room={room} />}
    </section>
  )
}

/** Changes as often as something is said, not as often as the picture moves. */
function Replayed({ room }: { room: ReplayRoom }) {
  const state = useReplayState(room)
  const [menu, setMenu] = useState<OpenMenu>()
  const close = (isFocusReturned: boolean) => {
    setMenu(undefined)
    if (isFocusReturned) menu?.anchor.focus({ preventScroll: true })
  }
  return (
    <>
      <p class="chat-trouble" role="status">
        {troubleOf(state)}
      </p>
      <MessageList
        key={state.seeks}
        room={room}
        state={state}
        canReply={false}
        onReply={() => {}}
        onMenu={(message, anchor) => setMenu({ message, anchor })}
        isHeld={menu !== undefined}
        emptyText="Nothing was said up to here."
      />
      {menu && (
        <MessageMenu
          {...menu}
          canReply={false}
          canModerate={false}
          onReply={() => {}}
          onMention={() => {}}
          onModerate={() => {}}
          onClose={close}
        />
      )}
      <Announcer room={room} myName={undefined} />
    </>
  )
}

function useReplayRoom(vodId: string, token: string | undefined): ReplayRoom | undefined {
  const [room, setRoom] = useState<ReplayRoom>()
  useEffect(() => {
    const opened = new ReplayRoom(createChatReplay({ api, vodId, token }))
    setRoom(opened)
    return () => opened.close()
  }, [vodId, token])
  return room
}

function useReplayState(room: ReplayRoom): ReplayState {
  const [state, setState] = useState(room.state)
  useEffect(() => {
    const show = () => setState(room.state)
    show()
    return room.subscribe(show)
  }, [room])
  return state
}

function troubleOf({ replay }: ReplayState): string {
  if (replay === 'failing') return 'The chat cannot be loaded at the moment. Trying again…'
  return replay === 'unavailable' ? 'The chat of this video is not to be seen.' : ''
}
