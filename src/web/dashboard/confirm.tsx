/** A button for what cannot be taken back: it asks before it does it. */
import { useState } from 'preact/hooks'

interface ConfirmProps {
  readonly label: string
  readonly question: string
  readonly answer: string
  readonly isBusy: boolean
  readonly onConfirm: () => Promise<void>
}

export function Confirm({ label, question, answer, isBusy, onConfirm }: ConfirmProps) {
  const [isAsking, setIsAsking] = useState(false)
  if (!isAsking)
    return (
      <button type="button" class="button quiet" disabled={isBusy} onClick={() => setIsAsking(true)}>
        {label}
      </button>
    )
  const confirm = async () => {
    await onConfirm()
    setIsAsking(false)
  }
  return (
    <fieldset class="confirm">
      <legend>{question}</legend>
      <button type="button" class="button danger" disabled={isBusy} onClick={confirm}>
        {answer}
      </button>
      <button
        type="button"
        class="button quiet"
        ref={button => button?.focus()}
        onClick={() => setIsAsking(false)}
      >
        Cancel
      </button>
    </fieldset>
  )
}
