/** How many are in the chat, and by a click who: their names as far as they have accounts. */
import { useRef, useState } from 'preact/hooks'
import { messageOf } from '../../client/index.ts'
import { useQuery } from '../api.ts'
import { readChatters } from './chat-api.ts'
import { useDismiss } from './use-dismiss.ts'

interface PeopleListProps {
  readonly slug: string
  readonly count: number
  readonly onMention: (name: string) => void
}

const REFRESH_MS = 5_000

export function PeopleList({ slug, count, onMention }: PeopleListProps) {
  const [isOpen, setIsOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  useDismiss(root, isOpen, isByKey => {
    setIsOpen(false)
    if (isByKey) button.current?.focus()
  })
  const mention = (name: string) => {
    setIsOpen(false)
    onMention(name)
  }
  return (
    <div ref={root}>
      <button
        type="button"
        class="chat-count"
        ref={button}
        aria-expanded={isOpen}
        aria-controls="chat-people"
        aria-label={`${count.toLocaleString('en')} here: show who`}
        onClick={() => setIsOpen(!isOpen)}
      >
        {count.toLocaleString('en')} here
      </button>
      {isOpen && <People slug={slug} mention={mention} />}
    </div>
  )
}

function People({ slug, mention }: { slug: string; mention: (name: string) => void }) {
  const { data, error } = useQuery(`chatters ${slug}`, () => readChatters(slug), REFRESH_MS)
  const others = data ? Math.max(0, data.count - data.names.length) : 0
  return (
    <section class="chat-people" id="chat-people" aria-label="Who is here">
      {error !== undefined && <p class="muted small">{messageOf(error)}</p>}
      {data && (
        <ul>
          {data.names.map(name => (
            <li key={name}>
              <button type="button" aria-label={`Mention ${name}`} onClick={() => mention(name)}>
                {name}
              </button>
            </li>
          ))}
        </ul>
      )}
      {others > 0 && (
        <p class="muted small">
          {data?.names.length ? 'and ' : ''}
          {others === 1 ? '1 other' : `${others.toLocaleString('en')} others`} without a name
        </p>
      )}
    </section>
  )
}
