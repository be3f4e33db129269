/** Says aloud what is new, to who cannot see it: never faster than it can be heard. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { RoomState } from './chat-room.ts'
import type { ChatMessage, Entry } from './message-log.ts'
import { addresses } from './message-row.tsx'

const PAUSE_MS = 4_000
const MAX_READ = 2
const MAX_CHARS = 200

interface AnnouncerProps {
  readonly room: { readonly state: Pick<RoomState, 'entries' | 'isLoaded'> }
  readonly myName: string | undefined
}

export function Announcer({ room, myName }: AnnouncerProps) {
  const [text, setText] = useState('')
  const last = useRef<Entry>(undefined)
  useEffect(() => {
    const timer = setInterval(() => {
      const { entries, isLoaded } = room.state
      const at = last.current && isLoaded ? entries.lastIndexOf(last.current) : -1
      const from = at < 0 ? entries.length : at + 1
      last.current = entries.at(-1)
      const summary = summarize(entries.slice(from), myName)
      if (summary) setText(summary)
    }, PAUSE_MS)
    return () => clearInterval(timer)
  }, [room, myName])
  return (
    <p class="visually-hidden" role="status" aria-live="polite">
      {text}
    </p>
  )
}

/** A few are read out; of many, how many there are and those that mention who listens. */
export function summarize(fresh: readonly Entry[], myName: string | undefined): string {
  const messages = fresh.flatMap(entry => (entry.kind === 'message' ? [entry.message] : []))
  const read = ({ author, text }: ChatMessage) => `${author.username}: ${text.slice(0, MAX_CHARS)}`
  if (messages.length <= MAX_READ) return messages.map(read).join('. ')
  const mine = myName === undefined ? [] : messages.filter(message => addresses(message, myName))
  return [`${messages.length} new messages`, ...mine.slice(-MAX_READ).map(read)].join('. ')
}
