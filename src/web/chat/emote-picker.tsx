/** The channel's emotes and some emoji, to be put into the text. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Emote } from './completions.ts'
import { emoji } from './emoji.ts'
import { useDismiss } from './use-dismiss.ts'

interface EmotePickerProps {
  readonly emotes: readonly Emote[]
  readonly onPick: (text: string) => void
}

export function EmotePicker({ emotes, onPick }: EmotePickerProps) {
  const [isOpen, setIsOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  useDismiss(root, isOpen, isByKey => {
    setIsOpen(false)
    if (isByKey) button.current?.focus()
  })
  const pick = (text: string) => {
    setIsOpen(false)
    onPick(text)
  }
  return (
    <div ref={root}>
      <button
        type="button"
        class="chat-tool"
        ref={button}
        aria-label="Emotes"
        aria-expanded={isOpen}
        aria-controls="chat-emotes"
        onClick={() => setIsOpen(!isOpen)}
      >
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
          <path d="M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM8.5 14.5a4.5 4.5 0 0 0 7 0M9 9.5h.01M15 9.5h.01" />
        </svg>
      </button>
      {isOpen && <Choices emotes={emotes} pick={pick} />}
    </div>
  )
}

function Choices({ emotes, pick }: { emotes: readonly Emote[]; pick: (text: string) => void }) {
  const [search, setSearch] = useState('')
  const field = useRef<HTMLInputElement>(null)
  useLayoutEffect(() => field.current!.focus(), [])
  const wanted = search.trim().toLowerCase()
  const own = emotes.filter(({ code }) => code.toLowerCase().includes(wanted))
  const common = emoji.filter(([, name]) => name.includes(wanted))
  return (
    <section class="chat-emotes" id="chat-emotes" aria-label="Emotes">
      <input
        type="search"
        placeholder="Search"
        aria-label="Search emotes"
        ref={field}
        value={search}
        onInput={event => setSearch(event.currentTarget.value)}
      />
      <div class="chat-emotes-all">
        {own.length > 0 && (
          <fieldset>
            <legend>This channel</legend>
            {own.map(({ code, url }) => (
              <button
                key={code}
                type="button"
                aria-label={code}
                title={`:${code}:`}
                onClick={() => pick(`:${code}:`)}
              >
                <img src={url} alt="" loading="lazy" />
              </button>
            ))}
          </fieldset>
        )}
        {common.length > 0 && (
          <fieldset>
            <legend>Emoji</legend>
            {common.map(([character, name]) => (
              <button
                key={name}
                type="button"
                aria-label={name.replaceAll('_', ' ')}
                title={`:${name}:`}
                onClick={() => pick(character)}
              >
                {character}
              </button>
            ))}
          </fieldset>
        )}
        {own.length + common.length === 0 && <p class="muted small">Nothing is called so.</p>}
      </div>
    </section>
  )
}
