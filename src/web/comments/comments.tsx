/** The comments on a video: what others wrote, and where one writes oneself. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { SignInDialog } from '../chat/sign-in-dialog.tsx'
import { ErrorText } from '../layout.tsx'
import { CommentForm } from './comment-form.tsx'
import { CommentItem, type CommentProps } from './comment-item.tsx'
import { CommentStore, type CommentsState } from './comment-store.ts'
import { type About, commentsOf, type Order } from './comments-api.ts'
import { HeldComments } from './held-comments.tsx'
import type { Thread } from './threads.ts'

interface CommentsProps {
  readonly vodId: string
  /** Of a share link. */
  readonly token?: string | undefined
  /** Who is signed in, where the page knows: another one reads anew. */
  readonly identity?: string
  /** Somebody has signed in here. */
  readonly onSignedIn?: () => void
}

export function Comments({ vodId, token, identity = '', onSignedIn }: CommentsProps) {
  const store = useStore(vodId, token, identity)
  const [isSigningIn, setIsSigningIn] = useState(false)
  const askToSignIn = () => setIsSigningIn(true)
  const signedIn = async () => {
    onSignedIn?.()
    await store?.load()
  }
  return (
    <section class="comments" aria-labelledby="comments-heading">
      {store && <Shown store={store} onSignIn={askToSignIn} />}
      {isSigningIn && <SignInDialog onSignedIn={signedIn} onClose={() => setIsSigningIn(false)} />}
    </section>
  )
}

function Shown({ store, onSignIn }: { store: CommentStore; onSignIn: () => void }) {
  const state = useCommentsState(store)
  const heading = useRef<HTMLHeadingElement>(null)
  const { about, threads, hasMore, held } = state
  useLostFocus(heading, threads)
  return (
    <>
      <header class="comments-head">
        <h2 id="comments-heading" ref={heading} tabIndex={-1}>
          {about ? countText(about.count) : 'Comments'}
        </h2>
        <OrderChoice order={state.order} choose={order => void store.setOrder(order)} />
      </header>
      {about?.me?.isModerator && held.length > 0 && (
        <HeldComments held={held} decide={(each, isApproved) => void store.review(each, isApproved)} />
      )}
      {about && <Writing about={about} store={store} onSignIn={onSignIn} />}
      <ErrorText>{state.error}</ErrorText>
      <p class="visually-hidden" role="status">
        {state.said}
      </p>
      {threads?.length === 0 && <p class="muted">Nobody has commented yet.</p>}
      {threads && threads.length > 0 && (
        <ol class="comment-list">
          {threads.map(thread => (
            <li key={thread.head.id}>
              <ThreadView thread={thread} store={store} state={state} onSignIn={onSignIn} />
            </li>
          ))}
        </ol>
      )}
      {hasMore && (
        <button type="button" class="button quiet" onClick={() => void store.readMore()}>
          Show more comments
        </button>
      )}
    </>
  )
}

function ThreadView({ thread, store, ...rest }: Omit<CommentProps, 'comment'> & { thread: Thread }) {
  const { head, replies, cursor } = thread
  const toggle = () => (replies ? store.hideReplies(head.id) : void store.readReplies(head.id))
  const hasReplies = head.replyCount > 0 || (replies?.length ?? 0) > 0
  return (
    <>
      <CommentItem comment={head} store={store} {...rest} />
      {hasReplies && (
        <button
          type="button"
          class="link small comment-toggle"
          aria-expanded={replies !== undefined}
          onClick={toggle}
        >
          {replies ? 'Hide replies' : repliesText(head.replyCount)}
        </button>
      )}
      {replies && replies.length > 0 && (
        <ol class="comment-list replies" aria-label="Replies">
          {replies.map(reply => (
            <li key={reply.id}>
              <CommentItem comment={reply} store={store} {...rest} />
            </li>
          ))}
        </ol>
      )}
      {cursor !== undefined && (
        <button
          type="button"
          class="link small comment-toggle"
          onClick={() => void store.readReplies(head.id)}
        >
          Show more replies
        </button>
      )}
    </>
  )
}

/** Who may not write is told why. */
function Writing({
  about: { me },
  store,
  onSignIn,
}: {
  about: About
  store: CommentStore
  onSignIn: () => void
}) {
  if (!me)
    return (
      <p class="comments-invite">
        <button type="button" class="button quiet" onClick={onSignIn}>
          Sign in to comment
        </button>
      </p>
    )
  if (me.isBanned) return <p class="muted">You are banned from this channel.</p>
  if (me.timedOutUntil && Date.parse(me.timedOutUntil) > Date.now())
    return <p class="muted">You are timed out until {new Date(me.timedOutUntil).toLocaleTimeString()}.</p>
  return (
    <CommentForm
      label="Comment"
      placeholder="Add a comment"
      action="Comment"
      onSend={async text => void (await store.add(text))}
    />
  )
}

const orders: readonly (readonly [order: Order, name: string])[] = [
  ['newest', 'Newest'],
  ['liked', 'Most liked'],
]

function OrderChoice({ order, choose }: { order: Order; choose: (order: Order) => void }) {
  return (
    <fieldset class="comments-order">
      <legend class="visually-hidden">Order</legend>
      {orders.map(([each, name]) => (
        <label key={each}>
          <input
            type="radio"
            name="comments-order"
            class="visually-hidden"
            checked={each === order}
            onChange={() => choose(each)}
          />
          <span>{name}</span>
        </label>
      ))}
    </fieldset>
  )
}

function useStore(vodId: string, token: string | undefined, identity: string): CommentStore | undefined {
  const [store, setStore] = useState<CommentStore>()
  useEffect(() => {
    const opened = new CommentStore(commentsOf(vodId, token))
    setStore(opened)
    void opened.load()
  }, [vodId, token, identity])
  return store
}

function useCommentsState(store: CommentStore): CommentsState {
  const [state, setState] = useState(store.state)
  useEffect(() => {
    const show = () => setState(store.state)
    show()
    return store.subscribe(show)
  }, [store])
  return state
}

/** When what had the focus is gone, reading goes on at the heading and not at the top of the page. */
function useLostFocus(heading: { current: HTMLElement | null }, threads: unknown): void {
  const hadFocus = useRef(false)
  const section = heading.current?.closest('section')
  if (section?.contains(document.activeElement)) hadFocus.current = true
  useEffect(() => {
    const isLost = hadFocus.current && document.activeElement === document.body
    if (isLost) heading.current?.focus({ preventScroll: true })
    hadFocus.current = false
  }, [threads])
}

function countText(count: number): string {
  return count === 1 ? '1 comment' : `${count.toLocaleString('en')} comments`
}

function repliesText(count: number): string {
  return count === 1 ? '1 reply' : `${count.toLocaleString('en')} replies`
}
