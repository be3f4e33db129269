/** The messages: follows the newest until somebody scrolls up, and is walked through with the arrow keys. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { ChatRoom, RoomState } from './chat-room.ts'
import type { ChatMessage, Entry } from './message-log.ts'
import { MessageRow } from './message-row.tsx'
import { useVirtualRows, type VirtualRows } from './use-virtual-rows.ts'

/** A chat as the list shows it: one that goes on, or one that is replayed. */
export type ReadRoom = Pick<ChatRoom, 'setReading' | 'readOlder' | 'note'>
export type ReadState = Pick<RoomState, 'entries' | 'isLoaded' | 'unread' | 'me'>

interface MessageListProps {
  readonly room: ReadRoom
  readonly state: ReadState
  readonly canReply: boolean
  readonly onReply: (message: ChatMessage) => void
  /** `anchor`: where its menu belongs. */
  readonly onMenu: (message: ChatMessage, anchor: HTMLElement) => void
  /** Held still while a menu is open. */
  readonly isHeld: boolean
  /** What is said in place of messages while there are none. */
  readonly emptyText: string
}

const END_PX = 60
const OLDER_PX = 300
/** A scroll so long after a hand touched something is not its doing. */
const HAND_MS = 400

export function MessageList(props: MessageListProps) {
  const { room, state, canReply, onReply, onMenu, isHeld, emptyText } = props
  const scroller = useRef<HTMLDivElement>(null)
  const { entries } = state
  const { isFollowing, follow, leave, touched, onScroll } = useFollowing(room, scroller)
  const keyOf = useCallback((index: number) => entries[index]?.key ?? '', [entries])
  const rows = useVirtualRows({ scroller, count: entries.length, keyOf, isFollowing: isFollowing && !isHeld })
  const jump = useJump(rows, entries, room, leave)
  const act = (element: HTMLElement) => {
    const row = element.closest<HTMLElement>('[data-message]')
    const message = messageOf(entries, row?.dataset['message'])
    if (!row || !message) return
    const button = element.closest<HTMLElement>('[data-act]')
    if (button?.dataset['act'] === 'reply') onReply(message)
    if (button?.dataset['act'] === 'menu') onMenu(message, row)
    if (button?.dataset['act'] === 'jump') jump(button.dataset['to'] ?? '')
  }
  const onKeyDown = (event: KeyboardEvent) => {
    touched()
    if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
      event.preventDefault()
      return walk(event, scroller.current!) ? leave() : follow()
    }
    const row = (event.target as HTMLElement).closest<HTMLElement>('[data-message]')
    const message = messageOf(entries, row?.dataset['message'])
    if (!row || !message || event.ctrlKey || event.metaKey || event.altKey) return
    const quote = row.querySelector<HTMLElement>('[data-act=jump]')
    if (event.key === 'Enter' && event.target === row) onMenu(message, row)
    else if (event.key === 'r' && canReply) onReply(message)
    else if (event.key === 'q' && quote) jump(quote.dataset['to'] ?? '')
    else return
    event.preventDefault()
  }
  return (
    <div class="chat-list">
      <div
        class="chat-scroller"
        ref={scroller}
        role="log"
        aria-live="off"
        aria-label="Messages"
        aria-describedby="chat-keys"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached with the keyboard
        tabIndex={0}
        onScroll={onScroll}
        onWheel={touched}
        onTouchMove={touched}
        onPointerDown={touched}
        onKeyDown={onKeyDown}
        onClick={event => act(event.target as HTMLElement)}
      >
        <Rows rows={rows} entries={entries} myName={nameOf(state)} canReply={canReply} />
      </div>
      <p id="chat-keys" class="visually-hidden">
        The arrow keys go from message to message. Enter opens what can be done with one
        {canReply ? ', R replies.' : '.'}
      </p>
      {state.isLoaded && entries.length === 0 && <p class="chat-empty">{emptyText}</p>}
      {!isFollowing && (
        <button type="button" class="chat-newest" onClick={follow}>
          {newestText(state.unread)}
        </button>
      )}
    </div>
  )
}

interface RowsProps {
  readonly rows: VirtualRows
  readonly entries: readonly Entry[]
  readonly myName: string | undefined
  readonly canReply: boolean
}

/** As high as all rows; in the page are those in view and a few around them. */
function Rows({ rows, entries, myName, canReply }: RowsProps) {
  const items = rows.getVirtualItems()
  return (
    <div class="chat-rows" data-held={entries.length} style={{ height: `${rows.getTotalSize()}px` }}>
      <div class="chat-window" style={{ transform: `translateY(${items[0]?.start ?? 0}px)` }}>
        {items.map(({ key, index }) => (
          <div key={key} class="chat-row" data-index={index} ref={rows.measureElement}>
            <MessageRow entry={entries[index]!} myName={myName} canReply={canReply} />
          </div>
        ))}
      </div>
    </div>
  )
}

/** Only what a hand does leaves the newest: the list scrolls by itself all the time. */
function useFollowing(room: ReadRoom, scroller: { current: HTMLElement | null }) {
  const [isFollowing, setIsFollowing] = useState(true)
  const touchedAt = useRef(0)
  const change = (next: boolean) => {
    setIsFollowing(next)
    room.setReading(!next)
  }
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = scroller.current!
    const isAtEnd = scrollHeight - scrollTop - clientHeight < END_PX
    const isByHand = performance.now() - touchedAt.current < HAND_MS
    if (isByHand && isAtEnd !== isFollowing) change(isAtEnd)
    if (scrollTop < OLDER_PX && isByHand) void room.readOlder()
  }
  const leave = () => change(false)
  const follow = () => {
    change(true)
    scroller.current?.focus()
  }
  const touched = () => {
    touchedAt.current = performance.now()
  }
  useEffect(() => setIsFollowing(true), [room])
  return { isFollowing, follow, leave, touched, onScroll }
}

/** Goes to a message, and shows for a moment which it is. */
function useJump(rows: VirtualRows, entries: readonly Entry[], room: ReadRoom, leave: () => void) {
  const latest = useRef(entries)
  latest.current = entries
  return (id: string) => {
    const index = latest.current.findIndex(({ key }) => key === id)
    if (index < 0) return room.note('That message is too far back.')
    leave()
    rows.scrollToIndex(index, { align: 'center' })
    const show = (attempts: number) => {
      const row = rows.scrollElement?.querySelector<HTMLElement>(`[data-message="${CSS.escape(id)}"]`)
      if (!row && attempts > 0) return void requestAnimationFrame(() => show(attempts - 1))
      row?.focus({ preventScroll: true })
      row?.classList.add('found')
      setTimeout(() => row?.classList.remove('found'), 1_500)
    }
    requestAnimationFrame(() => show(20))
  }
}

/** Moves the focus by one message. False: that was the newest. */
function walk({ key, target }: KeyboardEvent, list: HTMLElement): boolean {
  const shown = [...list.querySelectorAll<HTMLElement>('[data-message]')]
  const at = shown.indexOf((target as HTMLElement).closest<HTMLElement>('[data-message]')!)
  const next = at < 0 ? lastInView(shown, list) : shown[at + (key === 'ArrowUp' ? -1 : 1)]
  next?.focus({ preventScroll: true })
  next?.scrollIntoView({ block: 'nearest' })
  return next !== undefined || key === 'ArrowUp'
}

function lastInView(shown: readonly HTMLElement[], list: HTMLElement): HTMLElement | undefined {
  const { bottom } = list.getBoundingClientRect()
  return shown.findLast(row => row.getBoundingClientRect().bottom <= bottom + 1) ?? shown.at(-1)
}

function messageOf(entries: readonly Entry[], id: string | undefined): ChatMessage | undefined {
  const entry = id === undefined ? undefined : entries.find(({ key }) => key === id)
  return entry?.kind === 'message' ? entry.message : undefined
}

export function nameOf({ me }: Pick<RoomState, 'me'>): string | undefined {
  return me && !me.isGuest ? me.username : undefined
}

function newestText(unread: number): string {
  if (unread === 0) return 'To the newest'
  return `${unread > 999 ? '999+' : unread} new message${unread === 1 ? '' : 's'}`
}
