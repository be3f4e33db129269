/** A channel's chat: what is said, and where one says something. */
import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { messageOf } from '../../client/index.ts'
import { useQuery } from '../api.ts'
import { Announcer } from './announcer.tsx'
import { type Moderation, moderate, readEmotes } from './chat-api.ts'
import { ChatNotices } from './chat-notices.tsx'
import type { ChatRoom } from './chat-room.ts'
import { Composer, type ComposerHandle } from './composer.tsx'
import { HeldTray } from './held-tray.tsx'
import { MessageList, nameOf } from './message-list.tsx'
import type { ChatMessage } from './message-log.ts'
import { MessageMenu, type OpenMenu } from './message-menu.tsx'
import { PeopleList } from './people-list.tsx'
import { ReactionBar } from './reactions.tsx'
import { speechOf } from './speech.ts'
import { useClock, useRoomState } from './use-chat.ts'

interface ChatPanelProps {
  readonly slug: string
  /** Undefined until it is known. */
  readonly channelId: string | undefined
  readonly room: ChatRoom
  readonly onSignIn: () => void
  /** Beside the heading. */
  readonly tools?: ComponentChildren
}

const EMOTES_MS = 60_000

export function ChatPanel({ slug, channelId, room, onSignIn, tools }: ChatPanelProps) {
  const state = useRoomState(room)
  const [menu, setMenu] = useState<OpenMenu>()
  const [replyTo, setReplyTo] = useState<ChatMessage>()
  const composer = useRef<ComposerHandle>(undefined)
  const emotes = useQuery(
    `emotes ${channelId}`,
    async () => (channelId ? readEmotes(channelId) : []),
    EMOTES_MS,
  )
  const now = useClock(Date.parse(state.me?.timedOutUntil ?? '') || 0)
  const speech = speechOf(state, now)
  const canReply = speech.kind === 'open'
  const reply = (message: ChatMessage) => {
    setReplyTo(message)
    composer.current?.focus()
  }
  const mention = (name: string) => composer.current?.insert(`@${name}`)
  const act = (message: ChatMessage, moderation: Moderation) =>
    void moderate(slug, message, moderation).catch(error => room.note(messageOf(error)))
  return (
    <section class="chat" aria-label="Chat">
      <ChatHead slug={slug} chatters={state.chatters} tools={tools} onMention={mention} />
      <ChatNotices state={state} />
      {state.me?.isModerator && state.held.length > 0 && <HeldTray held={state.held} act={act} />}
      <MessageList
        room={room}
        state={state}
        canReply={canReply}
        onReply={reply}
        onMenu={(message, anchor) => setMenu({ message, anchor })}
        isHeld={menu !== undefined}
        emptyText="No messages yet. Say hello!"
      />
      <footer class="chat-foot">
        <Silence speech={speech} onSignIn={onSignIn} />
        {canReply && (
          <Composer
            room={room}
            state={state}
            emotes={emotes.data ?? []}
            replyTo={replyTo}
            onReplyEnd={() => setReplyTo(undefined)}
            handle={composer}
          />
        )}
        {canReply && <ReactionBar room={room} />}
      </footer>
      {menu && (
        <MessageMenu
          {...menu}
          canReply={canReply}
          canModerate={state.me?.isModerator ?? false}
          onReply={() => reply(menu.message)}
          onMention={() => mention(menu.message.author.username)}
          onModerate={moderation => act(menu.message, moderation)}
          onClose={isFocusReturned => {
            setMenu(undefined)
            if (isFocusReturned) menu.anchor.focus({ preventScroll: true })
          }}
        />
      )}
      <Announcer room={room} myName={nameOf(state)} />
    </section>
  )
}

interface ChatHeadProps {
  readonly slug: string
  readonly chatters: number | undefined
  readonly tools: ComponentChildren
  readonly onMention: (name: string) => void
}

function ChatHead({ slug, chatters, tools, onMention }: ChatHeadProps) {
  return (
    <header class="chat-head">
      <h2>Chat</h2>
      {chatters !== undefined && <PeopleList slug={slug} count={chatters} onMention={onMention} />}
      <span class="spacer" />
      {tools}
    </header>
  )
}

function Silence({ speech, onSignIn }: { speech: ReturnType<typeof speechOf>; onSignIn: () => void }) {
  if (speech.kind === 'signed_out')
    return (
      <div class="chat-invite">
        <p>Sign in to join the conversation.</p>
        <button type="button" class="button" onClick={onSignIn}>
          Sign in
        </button>
      </div>
    )
  return speech.kind === 'silenced' ? (
    <p class="chat-silenced" role="status">
      {speech.text}
    </p>
  ) : null
}
