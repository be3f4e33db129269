/** What else can be done with one comment: by its author, and by moderators. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Moderation } from '../chat/chat-api.ts'
import { type Item, itemsIn, MenuItem, Moderating, walkMenu } from '../chat/menu-items.tsx'
import { useDismiss } from '../chat/use-dismiss.ts'
import type { Comment } from './comments-api.ts'

interface CommentMenuProps {
  readonly comment: Comment
  readonly isOwn: boolean
  readonly canModerate: boolean
  readonly onEdit: () => void
  readonly onModerate: (moderation: Moderation) => void
}

export function CommentMenu(props: CommentMenuProps) {
  const [isOpen, setIsOpen] = useState(false)
  const root = useRef<HTMLSpanElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const name = props.comment.author?.username ?? ''
  const close = (isFocusReturned: boolean) => {
    setIsOpen(false)
    if (isFocusReturned) button.current?.focus()
  }
  useDismiss(root, isOpen, close)
  return (
    <span class="comment-more" ref={root}>
      <button
        type="button"
        ref={button}
        class="comment-act"
        aria-label={`More for ${name}’s comment`}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={() => setIsOpen(!isOpen)}
      >
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
          <path d="M5 12h.01M12 12h.01M19 12h.01" />
        </svg>
      </button>
      {isOpen && <OpenMenu {...props} name={name} close={close} />}
    </span>
  )
}

interface OpenMenuProps extends CommentMenuProps {
  readonly name: string
  readonly close: (isFocusReturned: boolean) => void
}

function OpenMenu({ comment, isOwn, canModerate, onEdit, onModerate, name, close }: OpenMenuProps) {
  const root = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => itemsIn(root.current!)[0]?.focus({ preventScroll: true }), [])
  const choose = (item: Item) => {
    close(true)
    item.act()
  }
  const copy = { label: 'Copy text', act: () => void navigator.clipboard?.writeText(comment.text) }
  const own: Item[] = [
    ...(comment.status === 'visible' ? [{ label: 'Edit', act: onEdit }] : []),
    { label: 'Delete', act: () => onModerate({ act: 'delete' }), isDanger: true },
  ]
  return (
    <div
      class="chat-menu"
      ref={root}
      role="menu"
      tabIndex={-1}
      aria-label={`${name}’s comment`}
      onKeyDown={event => walkMenu(event, root.current!)}
    >
      {[copy, ...(isOwn ? own : [])].map(item => (
        <MenuItem key={item.label} item={item} choose={choose} />
      ))}
      {canModerate && !isOwn && comment.author && (
        <>
          <hr />
          <Moderating author={comment.author} what="comment" onModerate={onModerate} choose={choose} />
        </>
      )}
    </div>
  )
}
