/** For moderators: the messages that wait for a decision. */
import { useState } from 'preact/hooks'
import type { Moderation } from './chat-api.ts'
import type { HeldMessage } from './chat-room.ts'
import type { ChatMessage } from './message-log.ts'

interface HeldTrayProps {
  readonly held: readonly HeldMessage[]
  readonly act: (message: ChatMessage, moderation: Moderation) => void
}

const reasons: Readonly<Record<string, string>> = {
  word: 'blocked word',
  link: 'link',
  first_message: 'first message',
}

export function HeldTray({ held, act }: HeldTrayProps) {
  const [isOpen, setIsOpen] = useState(false)
  return (
    <div class="chat-held">
      <button type="button" class="chat-held-head" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
        <b>{held.length}</b> {held.length === 1 ? 'message waits' : 'messages wait'} for review
      </button>
      {isOpen && <HeldList held={held} act={act} />}
    </div>
  )
}

export function HeldList({ held, act }: HeldTrayProps) {
  return (
    <ul class="chat-held-list">
      {held.map(({ message, reason }) => (
        <li key={message.id}>
          <p>
            <b>{message.author.username}</b> {message.text}{' '}
            <small class="muted">({reasons[reason] ?? reason})</small>
          </p>
          <div class="row nowrap">
            <button
              type="button"
              class="button quiet"
              aria-label={`Show ${message.author.username}’s message`}
              onClick={() => act(message, { act: 'approve' })}
            >
              Show
            </button>
            <button
              type="button"
              class="button quiet"
              aria-label={`Refuse ${message.author.username}’s message`}
              onClick={() => act(message, { act: 'reject' })}
            >
              Refuse
            </button>
          </div>
        </li>
      ))}
    </ul>
  )
}
