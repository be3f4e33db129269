/** Where one writes: with completion, a quote of what is answered, and what the server said to the last attempt. */
import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { ChatRoom, RoomState } from './chat-room.ts'
import { type CompletionControl, CompletionList, useCompletion } from './completion-list.tsx'
import type { Completion, Emote } from './completions.ts'
import { EmotePicker } from './emote-picker.tsx'
import type { ChatMessage } from './message-log.ts'
import { useSending } from './use-sending.ts'

/** What other parts of the panel do to the field. */
export interface ComposerHandle {
  readonly focus: () => void
  readonly insert: (text: string) => void
}

interface ComposerProps {
  readonly room: ChatRoom
  readonly state: RoomState
  readonly emotes: readonly Emote[]
  readonly replyTo: ChatMessage | undefined
  readonly onReplyEnd: () => void
  readonly handle: RefObject<ComposerHandle | undefined>
}

/** Of code units: more than 500 graphemes have. The server counts exactly. */
const MAX_CHARS = 2_000
const MAX_SHOWN_CHARS = 400

export function Composer({ room, state, emotes, replyTo, onReplyEnd, handle }: ComposerProps) {
  const draft = useDraft()
  const sending = useSending(room, state, refused => draft.setText(now => now || refused))
  const sources = () => ({ names: room.names, emotes, isModerator: state.me?.isModerator ?? false })
  const completion = useCompletion(sources, draft.complete)
  useEffect(() => {
    handle.current = { focus: () => draft.field.current?.focus(), insert: draft.insert }
  })
  // Those that come while somebody types are offered too.
  useEffect(() => {
    const { text, field } = draft
    if (text) completion.look(text, field.current!.selectionStart)
  }, [emotes.length])
  const send = (event?: Event) => {
    event?.preventDefault()
    if (!sending.send(draft.text, replyTo?.id)) return
    draft.setText('')
    completion.close()
    onReplyEnd()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return
    if (completion.onKey(event.key)) return event.preventDefault()
    if (event.key === 'Enter') send(event)
    else if (event.key === 'Escape' && replyTo) onReplyEnd()
  }
  const onInput = (field: HTMLTextAreaElement) => {
    const line = field.value.replace(/\s*\n\s*/g, ' ')
    draft.setText(line)
    sending.clear()
    completion.look(line, field.selectionStart)
  }
  return (
    <form class="chat-composer" onSubmit={send}>
      {replyTo && <Replying message={replyTo} cancel={onReplyEnd} />}
      {completion.list && <CompletionList {...completion} list={completion.list} />}
      <p class="chat-refusal" role="alert">
        {sending.refusal}
      </p>
      <div class="chat-field">
        <textarea
          ref={draft.field}
          rows={1}
          maxLength={MAX_CHARS}
          aria-label="Message"
          aria-autocomplete="list"
          {...optionsShown(completion)}
          placeholder="Say something"
          enterkeyhint="send"
          value={draft.text}
          onInput={event => onInput(event.currentTarget)}
          onKeyDown={onKeyDown}
          onBlur={completion.close}
        />
        <EmotePicker emotes={emotes} onPick={draft.insert} />
        <SendButton waitSeconds={sending.waitSeconds} isReady={sending.isReady && draft.text.trim() !== ''} />
      </div>
      {draft.text.length > MAX_SHOWN_CHARS && <Remaining text={draft.text} />}
    </form>
  )
}

/** The text, and how words are put into it at the caret. */
function useDraft() {
  const field = useRef<HTMLTextAreaElement>(null)
  const [text, setText] = useState('')
  const caret = useRef<number>(undefined)
  useLayoutEffect(() => {
    fit(field.current!)
    // Before the next key is pressed.
    if (caret.current !== undefined) field.current!.setSelectionRange(caret.current, caret.current)
    caret.current = undefined
  }, [text])
  const put = (head: string, tail: string) => {
    caret.current = head.length
    setText(head + tail.trimStart())
    field.current?.focus()
  }
  const insert = (added: string) => {
    const { selectionStart, selectionEnd } = field.current!
    const before = text.slice(0, selectionStart)
    const gap = before === '' || before.endsWith(' ') ? '' : ' '
    put(`${before}${gap}${added} `, text.slice(selectionEnd))
  }
  const complete = ({ text: word }: Completion, start: number) =>
    put(`${text.slice(0, start)}${word} `, text.slice(field.current!.selectionStart))
  return { field, text, setText, insert, complete }
}

function optionsShown({ list, active }: CompletionControl) {
  if (!list) return {}
  return { 'aria-controls': 'chat-completions', 'aria-activedescendant': `chat-completion-${active}` }
}

function Replying({ message, cancel }: { message: ChatMessage; cancel: () => void }) {
  return (
    <div class="chat-replying">
      <p>
        Replying to <b>{message.author.username}</b> <span class="muted">{message.text}</span>
      </p>
      <button type="button" class="chat-tool" aria-label="Do not reply" onClick={cancel}>
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
          <path d="M6 6l12 12M18 6 6 18" />
        </svg>
      </button>
    </div>
  )
}

function SendButton({ waitSeconds, isReady }: { waitSeconds: number; isReady: boolean }) {
  const isWaiting = waitSeconds > 0
  return (
    <button
      type="submit"
      class="chat-tool send"
      aria-label={isWaiting ? `Wait ${waitSeconds} seconds` : 'Send'}
      aria-disabled={!isReady}
    >
      {isWaiting ? (
        <span class="chat-wait">{waitSeconds}</span>
      ) : (
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
          <path d="M4 12 20 4l-5 16-4-7zm7 1 9-9" />
        </svg>
      )}
    </button>
  )
}

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })
const MAX_GRAPHEMES = 500

function Remaining({ text }: { text: string }) {
  const left = MAX_GRAPHEMES - [...graphemes.segment(text)].length
  return (
    <p class={left < 0 ? 'chat-remaining over' : 'chat-remaining'} role="status">
      {left < 0 ? `${-left} characters too long` : `${left} characters left`}
    </p>
  )
}

/** As high as its text, up to what the style allows. */
function fit(field: HTMLTextAreaElement): void {
  field.style.height = 'auto'
  field.style.height = `${field.scrollHeight}px`
}
