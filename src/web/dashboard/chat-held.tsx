/** The messages that wait for a decision. */
import { useState } from 'preact/hooks'
import { messageOf } from '../../client/index.ts'
import { useQuery } from '../api.ts'
import { type Moderation, moderate, readHeld } from '../chat/chat-api.ts'
import { HeldList } from '../chat/held-tray.tsx'
import type { ChatMessage } from '../chat/message-log.ts'
import { ErrorText } from '../layout.tsx'
import type { ChatPartProps } from './chat-section.tsx'

const REFRESH_MS = 5_000

export function ChatHeld({ channel: { slug } }: ChatPartProps) {
  const held = useQuery(`chat held ${slug}`, () => readHeld(slug), REFRESH_MS)
  const [error, setError] = useState('')
  const act = async (message: ChatMessage, moderation: Moderation) => {
    setError('')
    await moderate(slug, message, moderation).catch(failure => setError(messageOf(failure)))
    await held.reload()
  }
  return (
    <>
      <ErrorText>{error || (held.error ? messageOf(held.error) : '')}</ErrorText>
      {held.data?.length === 0 && <p class="muted">Nothing waits for you.</p>}
      {held.data && <HeldList held={held.data} act={act} />}
    </>
  )
}
