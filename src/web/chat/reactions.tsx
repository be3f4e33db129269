/** Reactions: the buttons that send them, and how they float over the picture. */
import { useEffect, useRef } from 'preact/hooks'
import type { ChatRoom } from './chat-room.ts'
import { reactions } from './emoji.ts'

export function ReactionBar({ room }: { room: ChatRoom }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a group of buttons is no set of form fields
    <div class="chat-reactions" role="group" aria-label="React">
      {reactions.map(([character, name]) => (
        <button
          key={name}
          type="button"
          aria-label={name}
          title={name}
          onClick={() => room.client.react(character)}
        >
          {character}
        </button>
      ))}
    </div>
  )
}

/** At once, however many are sent. */
const MAX_FLOATING = 24
const MAX_EACH = 6
const SPREAD_MS = 450

/** Many become few: their number grows with the logarithm. Nothing floats for who wants less motion. */
export function FloatingReactions({ room }: { room: ChatRoom }) {
  const stage = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)')
    return room.onReactions(counts => {
      if (isCalm.matches || document.hidden) return
      for (const [character, count] of Object.entries(counts))
        for (let number = 0; number < Math.min(MAX_EACH, Math.ceil(Math.log2(count + 1))); number++)
          float(stage.current!, character)
    })
  }, [room])
  return <div class="floating" ref={stage} aria-hidden="true" />
}

function float(stage: HTMLElement, character: string): void {
  if (stage.childElementCount >= MAX_FLOATING) return
  const floating = document.createElement('span')
  floating.textContent = character
  floating.style.setProperty('--at', `${Math.round(Math.random() * 100)}%`)
  floating.style.setProperty('--sway', `${Math.round(Math.random() * 60 - 30)}px`)
  floating.style.setProperty('--after', `${Math.round(Math.random() * SPREAD_MS)}ms`)
  floating.addEventListener('animationend', () => floating.remove())
  stage.append(floating)
}
