/** One comment, and what can be done with it. */
import { useRef, useState } from 'preact/hooks'
import { Badges } from '../chat/message-row.tsx'
import { piecesOf } from '../chat/message-text.ts'
import { CommentForm } from './comment-form.tsx'
import { CommentMenu } from './comment-menu.tsx'
import type { CommentStore, CommentsState } from './comment-store.ts'
import type { Comment } from './comments-api.ts'
import { timeAgo } from './time-ago.ts'

export interface CommentProps {
  readonly comment: Comment
  readonly store: CommentStore
  readonly state: CommentsState
  /** Who is not signed in is asked to. */
  readonly onSignIn: () => void
}

/** Longer ones are cut until somebody wants to read on. */
const LONG_CHARS = 700
const LONG_LINES = 10

export function CommentItem(props: CommentProps) {
  const { comment, store } = props
  const [isEditing, setIsEditing] = useState(false)
  const article = useRef<HTMLElement>(null)
  if (comment.author === null) return <p class="comment removed muted">This comment was removed.</p>
  const { username, badges } = comment.author
  const close = () => {
    setIsEditing(false)
    article.current?.focus()
  }
  const save = async (text: string) => {
    await store.edit(comment.id, text)
    close()
  }
  return (
    <article
      class="comment"
      ref={article}
      data-comment={comment.id}
      tabIndex={-1}
      aria-label={`${username}’s comment`}
    >
      <header>
        <Badges roles={badges} />
        <b class="comment-author">{username}</b>
        <When comment={comment} />
        {comment.status === 'held' && <span class="pill">Waits for a moderator</span>}
      </header>
      {isEditing ? (
        <CommentForm
          label="Change your comment"
          initial={comment.text}
          action="Save"
          onCancel={close}
          onSend={save}
        />
      ) : (
        <CommentText comment={comment} />
      )}
      {!isEditing && <Foot {...props} onEdit={() => setIsEditing(true)} />}
    </article>
  )
}

function When({ comment: { createdAt, editedAt } }: { comment: Comment }) {
  return (
    <span class="muted small">
      <time dateTime={createdAt} title={new Date(createdAt).toLocaleString()}>
        {timeAgo(createdAt, Date.now())}
      </time>
      {editedAt && <span title={new Date(editedAt).toLocaleString()}> (edited)</span>}
    </span>
  )
}

function CommentText({ comment }: { comment: Comment }) {
  const { text, replyTo, threadId } = comment
  const isLong = text.length > LONG_CHARS || text.split('\n').length > LONG_LINES
  const [isWhole, setIsWhole] = useState(false)
  const pieces = piecesOf({ text, mentions: [], emotes: [] })
  return (
    <>
      <p class={isLong && !isWhole ? 'comment-text cut' : 'comment-text'}>
        {replyTo && replyTo.id !== threadId && <Answered name={replyTo.username} />}
        {pieces.map(piece =>
          piece.kind === 'link' ? (
            <a href={piece.url} target="_blank" rel="noopener noreferrer nofollow ugc">
              {piece.text}
            </a>
          ) : (
            'text' in piece && piece.text
          ),
        )}
      </p>
      {isLong && (
        <button type="button" class="link small" aria-expanded={isWhole} onClick={() => setIsWhole(!isWhole)}>
          {isWhole ? 'Show less' : 'Read more'}
        </button>
      )}
    </>
  )
}

function Answered({ name }: { name: string }) {
  return (
    <>
      <span class="chat-mention">@{name}</span>{' '}
    </>
  )
}

function Foot({ comment, store, state, onSignIn, onEdit }: CommentProps & { onEdit: () => void }) {
  const [isReplying, setIsReplying] = useState(false)
  const replyButton = useRef<HTMLButtonElement>(null)
  const me = state.about?.me
  const { username = '' } = comment.author ?? {}
  const close = () => {
    setIsReplying(false)
    replyButton.current?.focus()
  }
  const reply = async (text: string) => {
    await store.add(text, comment)
    close()
  }
  return (
    <>
      <div class="comment-acts">
        <LikeButton comment={comment} onLike={() => (me ? void store.like(comment) : onSignIn())} />
        {comment.status === 'visible' && (
          <button
            type="button"
            ref={replyButton}
            class="comment-act"
            aria-label={`Reply to ${username}`}
            onClick={() => (me ? setIsReplying(true) : onSignIn())}
          >
            Reply
          </button>
        )}
        <CommentMenu
          comment={comment}
          isOwn={me?.id === comment.author?.id}
          canModerate={me?.isModerator ?? false}
          onEdit={onEdit}
          onModerate={moderation => void store.moderate(comment, moderation)}
        />
      </div>
      {isReplying && (
        <CommentForm
          label={`Reply to ${username}`}
          placeholder={`Reply to ${username}`}
          action="Reply"
          onCancel={close}
          onSend={reply}
        />
      )}
    </>
  )
}

function LikeButton({ comment, onLike }: { comment: Comment; onLike: () => void }) {
  const { isLiked, likeCount, author } = comment
  return (
    <button
      type="button"
      class={isLiked ? 'comment-act liked' : 'comment-act'}
      aria-pressed={isLiked}
      aria-label={`Like ${author?.username}’s comment, ${likeCount} so far`}
      onClick={onLike}
    >
      <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
        <path d="M12 20s-7.5-4.6-9-9.3C2 7.5 4.5 5 7.2 5c2 0 3.7 1.1 4.8 3 1.1-1.9 2.8-3 4.8-3C19.5 5 22 7.5 21 10.7 19.5 15.4 12 20 12 20Z" />
      </svg>
      {likeCount > 0 && <span aria-hidden="true">{likeCount.toLocaleString('en')}</span>}
    </button>
  )
}
