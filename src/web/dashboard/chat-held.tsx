/** The messages, and the comments on videos, that wait for a decision. */
import { useState } from 'preact/hooks'
import { messageOf } from '../../client/index.ts'
import { api, useQuery } from '../api.ts'
import { type Moderation, moderate, readHeld } from '../chat/chat-api.ts'
import { HeldList } from '../chat/held-tray.tsx'
import type { ChatMessage } from '../chat/message-log.ts'
import type { HeldComment } from '../comments/comments-api.ts'
import { HeldCommentList } from '../comments/held-comments.tsx'
import { ErrorText } from '../layout.tsx'
import type { ChatPartProps } from './chat-section.tsx'

const REFRESH_MS = 5_000

export function ChatHeld({ channel: { slug } }: ChatPartProps) {
  const held = useQuery(`chat held ${slug}`, () => readHeld(slug), REFRESH_MS)
  const comments = useQuery(`comments held ${slug}`, () => readHeldComments(slug), REFRESH_MS)
  const [error, setError] = useState('')
  const act = async (decision: Promise<unknown>, reload: () => Promise<void>) => {
    setError('')
    await decision.catch(failure => setError(messageOf(failure)))
    await reload()
  }
  const decideMessage = (message: ChatMessage, moderation: Moderation) =>
    void act(moderate(slug, message, moderation), held.reload)
  const decideComment = ({ comment: { id } }: HeldComment, isApproved: boolean) =>
    void act(api.comments.review.mutate({ id, isApproved }), comments.reload)
  const failure = held.error ?? comments.error
  const isNothing = held.data?.length === 0 && comments.data?.length === 0
  return (
    <>
      <ErrorText>{error || (failure ? messageOf(failure) : '')}</ErrorText>
      {isNothing && <p class="muted">Nothing waits for you.</p>}
      {held.data && <HeldList held={held.data} act={decideMessage} />}
      {comments.data && <HeldCommentList held={comments.data} decide={decideComment} />}
    </>
  )
}

async function readHeldComments(slug: string): Promise<readonly HeldComment[]> {
  return (await api.comments.held.query({ slug })).items
}
