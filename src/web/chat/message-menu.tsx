/** What can be done with one message. */
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Moderation } from './chat-api.ts'
import { type Item, itemsIn, MenuItem, Moderating, walkMenu } from './menu-items.tsx'
import type { ChatMessage } from './message-log.ts'
import { useDismiss } from './use-dismiss.ts'

export interface OpenMenu {
  readonly message: ChatMessage
  readonly anchor: HTMLElement
}

interface MessageMenuProps extends OpenMenu {
  readonly canReply: boolean
  readonly canModerate: boolean
  readonly onReply: () => void
  readonly onMention: () => void
  readonly onModerate: (moderation: Moderation) => void
  readonly onClose: (isFocusReturned: boolean) => void
}

export function MessageMenu(props: MessageMenuProps) {
  const { message, anchor, onClose } = props
  const root = useRef<HTMLDivElement>(null)
  useDismiss(root, true, onClose)
  useLayoutEffect(() => {
    place(root.current!, anchor)
    itemsIn(root.current!)[0]?.focus({ preventScroll: true })
  }, [anchor])
  const choose = (item: Item) => {
    onClose(true)
    item.act()
  }
  return (
    <div
      class="chat-menu"
      ref={root}
      role="menu"
      tabIndex={-1}
      aria-label={`${message.author.username}’s message`}
      onKeyDown={event => walkMenu(event, root.current!)}
    >
      <p class="chat-menu-head">{message.author.username}</p>
      {talking(props).map(item => (
        <MenuItem key={item.label} item={item} choose={choose} />
      ))}
      {props.canModerate && (
        <>
          <hr />
          <Moderating author={message.author} what="message" onModerate={props.onModerate} choose={choose} />
        </>
      )}
    </div>
  )
}

function talking({ message, canReply, onReply, onMention }: MessageMenuProps): Item[] {
  const { username } = message.author
  const copy = { label: 'Copy text', act: () => void navigator.clipboard?.writeText(message.text) }
  if (!canReply) return [copy]
  return [{ label: 'Reply', act: onReply }, { label: `Mention ${username}`, act: onMention }, copy]
}

/** Below the message, or above it where there is more room. */
function place(menu: HTMLElement, anchor: HTMLElement): void {
  const [panel, row] = [menu.parentElement!.getBoundingClientRect(), anchor.getBoundingClientRect()]
  const height = menu.offsetHeight
  const below = row.bottom - panel.top + 2
  const above = row.top - panel.top - height - 2
  const top = below + height < panel.height - 8 ? below : Math.max(8, above)
  menu.style.setProperty('top', `${Math.min(top, Math.max(8, panel.height - height - 8))}px`)
}
