/** Marks a part of what one watches and makes a clip of it. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { reasonOf } from '../../client/index.ts'
import { api, useAction } from '../api.ts'
import { clock } from '../clock-text.ts'
import { ErrorText } from '../layout.tsx'

interface ClipDialogProps {
  /** A video; or what is live, whose time line begins at `startsAt` (milliseconds since the epoch). */
  readonly source: { readonly vodId: string } | { readonly slug: string; readonly startsAt: number }
  /** Of what it is cut from. */
  readonly title: string
  readonly lengthMs: number
  /** Where the picture is now: the clip ends there, unless another part is chosen. */
  readonly positionMs: number
  readonly onSignIn: () => void
  readonly onClose: () => void
}

const MAX_MS = 90_000
const USUAL_MS = 30_000
const STEP_MS = 500

export function ClipDialog({ source, title, lengthMs, positionMs, onSignIn, onClose }: ClipDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [end, setEnd] = useState(Math.min(lengthMs, Math.max(positionMs, USUAL_MS)))
  const [start, setStart] = useState(Math.max(0, end - USUAL_MS))
  const [name, setName] = useState(title)
  const [isExact, setIsExact] = useState(false)
  const make = useAction(async () => {
    try {
      const { id } = await api.clips.create.mutate(requestOf(source, start, end, { title: name, isExact }))
      location.assign(`/v/${id}`)
    } catch (error) {
      if (reasonOf(error) === 'not_signed_in') onSignIn()
      throw error
    }
  })
  useLayoutEffect(() => {
    const shown = dialog.current!
    shown.showModal()
    return () => shown.close()
  }, [])
  const submit = (event: Event) => {
    event.preventDefault()
    make.run()
  }
  const changeStart = (ms: number) => {
    setStart(Math.min(ms, lengthMs - 1_000))
    setEnd(Math.min(Math.max(end, ms + 1_000), ms + MAX_MS, lengthMs))
  }
  const changeEnd = (ms: number) => {
    setEnd(ms)
    setStart(Math.max(0, Math.min(start, ms - 1_000), ms - MAX_MS))
  }
  return (
    <dialog class="clip-dialog" ref={dialog} aria-label="Make a clip" onClose={onClose}>
      <form onSubmit={submit}>
        <h2>Make a clip</h2>
        <label>
          Title
          <input
            value={name}
            maxLength={140}
            required
            onInput={event => setName(event.currentTarget.value)}
          />
        </label>
        <TimeField label="From" value={start} max={lengthMs} onInput={changeStart} />
        <TimeField label="To" value={end} max={lengthMs} onInput={changeEnd} />
        <p class="muted">{clock(end - start)} long, up to 1:30.</p>
        <label class="check">
          <input
            type="checkbox"
            checked={isExact}
            onChange={event => setIsExact(event.currentTarget.checked)}
          />
          <span>
            Cut exactly there
            <small>Its ends are encoded again. Otherwise it is widened to the next key frames.</small>
          </span>
        </label>
        <ErrorText>{make.error}</ErrorText>
        <div class="row">
          <button class="button" type="submit" disabled={make.isBusy}>
            Make clip
          </button>
          <button class="button quiet" type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
        </div>
      </form>
    </dialog>
  )
}

function requestOf(
  source: ClipDialogProps['source'],
  start: number,
  end: number,
  what: { readonly title: string; readonly isExact: boolean },
) {
  if ('vodId' in source)
    return { vodId: source.vodId, fromMs: Math.round(start), toMs: Math.round(end), ...what }
  const at = (ms: number) => new Date(source.startsAt + ms).toISOString()
  return { slug: source.slug, fromAt: at(start), toAt: at(end), ...what }
}

interface TimeFieldProps {
  readonly label: string
  readonly value: number
  readonly max: number
  readonly onInput: (ms: number) => void
}

function TimeField({ label, value, max, onInput }: TimeFieldProps) {
  return (
    <label class="time-field">
      <span>
        {label} <output>{clock(value)}</output>
      </span>
      <input
        type="range"
        min={0}
        max={max}
        step={STEP_MS}
        value={value}
        aria-valuetext={clock(value)}
        onInput={event => onInput(Number(event.currentTarget.value))}
      />
    </label>
  )
}
