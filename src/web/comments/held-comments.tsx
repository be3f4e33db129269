/** For moderators: the comments that wait for a decision. */
import { useState } from 'preact/hooks'
import type { HeldComment } from './comments-api.ts'

interface HeldCommentsProps {
  readonly held: readonly HeldComment[]
  readonly decide: (held: HeldComment, isApproved: boolean) => void
}

const reasons = { word: 'blocked word', link: 'link', first_message: 'first comment' }

export function HeldComments({ held, decide }: HeldCommentsProps) {
  const [isOpen, setIsOpen] = useState(false)
  return (
    <div class="chat-held">
      <button type="button" class="chat-held-head" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
        <b>{held.length}</b> {held.length === 1 ? 'comment waits' : 'comments wait'} for review
      </button>
      {isOpen && <HeldCommentList held={held} decide={decide} />}
    </div>
  )
}

export function HeldCommentList({ held, decide }: HeldCommentsProps) {
  return (
    <ul class="chat-held-list">
      {held.map(each => (
        <li key={each.comment.id}>
          <p>
            <b>{each.comment.author?.username}</b> {each.comment.text}{' '}
            <small class="muted">
              ({reasons[each.reason]}, on “{each.vodTitle}”)
            </small>
          </p>
          <div class="row nowrap">
            <button
              type="button"
              class="button quiet"
              aria-label={`Show ${each.comment.author?.username}’s comment`}
              onClick={() => decide(each, true)}
            >
              Show
            </button>
            <button
              type="button"
              class="button quiet"
              aria-label={`Refuse ${each.comment.author?.username}’s comment`}
              onClick={() => decide(each, false)}
            >
              Refuse
            </button>
          </div>
        </li>
      ))}
    </ul>
  )
}
