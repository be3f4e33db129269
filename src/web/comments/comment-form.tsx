/** Where a comment is written, answered or changed. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { messageOf } from '../../client/index.ts'

interface CommentFormProps {
  readonly label: string
  readonly placeholder?: string
  /** What it begins with, when something is changed. */
  readonly initial?: string
  /** `Comment`, `Reply`, `Save`. */
  readonly action: string
  /** Opened by somebody: it has the focus, and can be left. */
  readonly onCancel?: () => void
  /** Rejects with what the server says; then the text stays. */
  readonly onSend: (text: string) => Promise<void>
}

const MAX_GRAPHEMES = 2_000
const SHOWN_FROM = 1_600
/** Of code units: more than that many graphemes have. The server counts exactly. */
const MAX_CHARS = 16_000

export function CommentForm(props: CommentFormProps) {
  const { label, placeholder, action, onCancel } = props
  const field = useRef<HTMLTextAreaElement>(null)
  const { text, setText, isBusy, refusal, send } = useDraft(props)
  useLayoutEffect(() => {
    if (!onCancel) return
    field.current!.focus()
    field.current!.setSelectionRange(text.length, text.length)
  }, [])
  useLayoutEffect(() => fit(field.current!), [text])
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) send(event)
    else if (event.key === 'Escape' && onCancel) {
      event.stopPropagation()
      onCancel()
    }
  }
  return (
    <form class="comment-form" onSubmit={send}>
      <textarea
        ref={field}
        rows={1}
        maxLength={MAX_CHARS}
        aria-label={label}
        placeholder={placeholder}
        value={text}
        onInput={event => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <p class="error-text" role="alert">
        {refusal}
      </p>
      {(onCancel || text !== '') && (
        <div class="comment-form-foot">
          {text.length > SHOWN_FROM && <Remaining text={text} />}
          <span class="spacer" />
          {onCancel && (
            <button type="button" class="button quiet small-button" onClick={onCancel}>
              Cancel
            </button>
          )}
          <button
            type="submit"
            class="button small-button"
            aria-disabled={isBusy || text.trim() === ''}
            title="Ctrl and Enter"
          >
            {action}
          </button>
        </div>
      )}
    </form>
  )
}

function useDraft({ initial = '', onSend }: CommentFormProps) {
  const [text, setText] = useState(initial)
  const [isBusy, setIsBusy] = useState(false)
  const [refusal, setRefusal] = useState('')
  const send = async (event: Event) => {
    event.preventDefault()
    if (isBusy || text.trim() === '') return
    setIsBusy(true)
    setRefusal('')
    try {
      await onSend(text)
      setText('')
    } catch (error) {
      setRefusal(messageOf(error))
    }
    setIsBusy(false)
  }
  return { text, setText, isBusy, refusal, send }
}

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })

function Remaining({ text }: { text: string }) {
  const left = MAX_GRAPHEMES - [...graphemes.segment(text)].length
  return (
    <p class={left < 0 ? 'small error-text' : 'small muted'} role="status">
      {left < 0 ? `${-left} characters too long` : `${left} characters left`}
    </p>
  )
}

/** As high as its text, up to what the style allows. */
function fit(field: HTMLTextAreaElement): void {
  field.style.height = 'auto'
  field.style.height = `${field.scrollHeight + 2}px`
}
