/** The suggestions above the field, and the keys that choose one. */
import { useState } from 'preact/hooks'
import { type Completing, type Completion, type CompletionSources, completionsAt } from './completions.ts'

export interface CompletionControl {
  readonly list: Completing | undefined
  readonly active: number
  /** Looks at the text before the caret. */
  readonly look: (text: string, caret: number) => void
  readonly close: () => void
  readonly choose: (completion: Completion) => void
  /** Whether the key was one of the list's. */
  readonly onKey: (key: string) => boolean
}

/** `apply` puts a completion in the place of the text from `start` to the caret. */
export function useCompletion(
  sources: () => CompletionSources,
  apply: (completion: Completion, start: number) => void,
): CompletionControl {
  const [list, setList] = useState<Completing>()
  const [active, setActive] = useState(0)
  const close = () => setList(undefined)
  const look = (text: string, caret: number) => {
    setList(completionsAt(text, caret, sources()))
    setActive(0)
  }
  const choose = (completion: Completion) => {
    if (list) apply(completion, list.start)
    close()
  }
  const onKey = (key: string) => {
    if (!list) return false
    const { completions } = list
    if (key === 'ArrowDown') setActive((active + 1) % completions.length)
    else if (key === 'ArrowUp') setActive((active + completions.length - 1) % completions.length)
    else if (key === 'Enter' || key === 'Tab') choose(completions[active]!)
    else if (key === 'Escape') close()
    else return false
    return true
  }
  return { list, active, look, close, choose, onKey }
}

interface CompletionListProps {
  readonly list: Completing
  readonly active: number
  readonly choose: (completion: Completion) => void
}

/** The focus stays in the field, which names the active option. */
export function CompletionList({ list, active, choose }: CompletionListProps) {
  return (
    <div class="chat-completions" id="chat-completions" role="listbox" aria-label="Suggestions">
      {list.completions.map((completion, index) => (
        <button
          type="button"
          key={completion.key}
          id={`chat-completion-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === active}
          onPointerDown={event => event.preventDefault()}
          onClick={() => choose(completion)}
        >
          {completion.imageUrl && <img src={completion.imageUrl} alt="" />}
          {completion.emoji && <span aria-hidden="true">{completion.emoji}</span>}
          <b>{completion.label}</b>
          {completion.hint && <small>{completion.hint}</small>}
        </button>
      ))}
    </div>
  )
}
