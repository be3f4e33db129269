/** The streamer's side of the chat: its rules, who may do what in it, what waits, and what was done. */
import type { ComponentType } from 'preact'
import { useRef, useState } from 'preact/hooks'
import type { Channel } from '../api.ts'
import { ChatBans } from './chat-bans.tsx'
import { ChatEmotes } from './chat-emotes.tsx'
import { ChatHeld } from './chat-held.tsx'
import { ChatLog } from './chat-log.tsx'
import { ChatPeople } from './chat-people.tsx'
import { ChatRules } from './chat-rules.tsx'

export interface ChatPartProps {
  readonly channel: Pick<Channel, 'id' | 'slug'>
}

const parts: readonly (readonly [name: string, part: ComponentType<ChatPartProps>])[] = [
  ['Rules', ChatRules],
  ['Waiting', ChatHeld],
  ['People', ChatPeople],
  ['Bans', ChatBans],
  ['Emotes', ChatEmotes],
  ['Log', ChatLog],
]

/** Tabs with the keys that the ARIA Authoring Practices ask for. */
export function ChatSection({ channel }: ChatPartProps) {
  const [shown, setShown] = useState(0)
  const tabs = useRef<HTMLDivElement>(null)
  const [name, Part] = parts[shown]!
  const onKeyDown = (event: KeyboardEvent) => {
    const last = parts.length - 1
    const places: Record<string, number> = {
      ArrowRight: shown === last ? 0 : shown + 1,
      ArrowLeft: shown === 0 ? last : shown - 1,
      Home: 0,
      End: last,
    }
    const next = places[event.key]
    if (next === undefined) return
    event.preventDefault()
    setShown(next)
    tabs.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus()
  }
  return (
    <section class="panel later" aria-labelledby="chat-heading">
      <div class="row">
        <h2 id="chat-heading">Chat</h2>
        <span class="spacer" />
        <a class="small" href={`/chat/${channel.slug}/popout`} target="_blank" rel="noopener">
          Open in a window of its own
        </a>
      </div>
      <div class="tabs" ref={tabs} role="tablist" aria-labelledby="chat-heading" onKeyDown={onKeyDown}>
        {parts.map(([each], index) => (
          <button
            key={each}
            type="button"
            role="tab"
            id={`chat-tab-${each}`}
            aria-selected={index === shown}
            aria-controls="chat-part"
            tabIndex={index === shown ? 0 : -1}
            onClick={() => setShown(index)}
          >
            {each}
          </button>
        ))}
      </div>
      <div class="chat-part" id="chat-part" role="tabpanel" aria-labelledby={`chat-tab-${name}`}>
        <Part channel={channel} />
      </div>
    </section>
  )
}
