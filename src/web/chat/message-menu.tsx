/** What can be done with one message. */
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Moderation } from './chat-api.ts'
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

interface Item {
  readonly label: string
  readonly act: () => void
  readonly isDanger?: boolean
}

const timeouts = [
  ['1 minute', '1 m', 60],
  ['10 minutes', '10 m', 600],
  ['1 hour', '1 h', 3_600],
  ['1 day', '1 d', 86_400],
] as const

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
      onKeyDown={event => walk(event, root.current!)}
    >
      <p class="chat-menu-head">{message.author.username}</p>
      {talking(props).map(item => (
        <MenuItem key={item.label} item={item} choose={choose} />
      ))}
      {props.canModerate && (
        <>
          <hr />
          <Moderating {...props} choose={choose} />
        </>
      )}
    </div>
  )
}

function Moderating({ message, onModerate, choose }: MessageMenuProps & { choose: (item: Item) => void }) {
  const { username, badges } = message.author
  return (
    <>
      <MenuItem
        item={{ label: 'Delete message', act: () => onModerate({ act: 'delete' }) }}
        choose={choose}
      />
      {!badges.includes('owner') && (
        <>
          {/* biome-ignore lint/a11y/useSemanticElements: a group in a menu is no set of form fields */}
          <div role="group" aria-label="Time out for" class="chat-menu-row">
            <span aria-hidden="true">Time out</span>
            {timeouts.map(([label, short, seconds]) => (
              <MenuItem
                key={label}
                item={{ label, act: () => onModerate({ act: 'timeout', seconds }) }}
                choose={choose}
                short={short}
              />
            ))}
          </div>
          <MenuItem
            item={{ label: `Ban ${username}`, act: () => onModerate({ act: 'ban' }), isDanger: true }}
            choose={choose}
          />
        </>
      )}
    </>
  )
}

interface MenuItemProps {
  readonly item: Item
  readonly choose: (item: Item) => void
  /** What is shown of the label, where there is little room. */
  readonly short?: string
}

function MenuItem({ item, choose, short }: MenuItemProps) {
  return (
    <button
      type="button"
      role="menuitem"
      tabIndex={-1}
      class={item.isDanger ? 'danger' : ''}
      {...(short && { 'aria-label': item.label })}
      onClick={() => choose(item)}
    >
      {short ?? item.label}
    </button>
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

function itemsIn(menu: HTMLElement): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>('[role=menuitem]')]
}

/** The keys of a menu, as the ARIA Authoring Practices say. */
function walk(event: KeyboardEvent, menu: HTMLElement): void {
  const items = itemsIn(menu)
  const at = items.indexOf(document.activeElement as HTMLElement)
  const places: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowRight: at + 1,
    ArrowUp: at - 1,
    ArrowLeft: at - 1,
    Home: 0,
    End: -1,
  }
  const next = places[event.key]
  if (next === undefined) return
  event.preventDefault()
  items.at(next % items.length)?.focus()
}
