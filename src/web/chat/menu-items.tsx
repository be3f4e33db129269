/** What menus are made of, and how one moves in them. */
import type { Moderation } from './chat-api.ts'

export interface Item {
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

interface ModeratingProps {
  readonly author: { readonly username: string; readonly badges: readonly string[] }
  /** `message`, `comment`. */
  readonly what: string
  readonly onModerate: (moderation: Moderation) => void
  readonly choose: (item: Item) => void
}

/** What moderators do about something and who wrote it. */
export function Moderating({ author, what, onModerate, choose }: ModeratingProps) {
  const { username, badges } = author
  return (
    <>
      <MenuItem
        item={{ label: `Delete ${what}`, act: () => onModerate({ act: 'delete' }) }}
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

export function MenuItem({ item, choose, short }: MenuItemProps) {
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

export function itemsIn(menu: HTMLElement): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>('[role=menuitem]')]
}

/** The keys of a menu, as the ARIA Authoring Practices say. */
export function walkMenu(event: KeyboardEvent, menu: HTMLElement): void {
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
