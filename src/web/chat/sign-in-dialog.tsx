/** Signing in without leaving what one watches. */
import { useLayoutEffect, useRef } from 'preact/hooks'
import { SignInForm } from '../dashboard/sign-in-form.tsx'

interface SignInDialogProps {
  readonly onSignedIn: () => Promise<void>
  readonly onClose: () => void
}

const TO_CHAT = {
  known: 'To chat, to follow, or to stream yourself.',
  isNew: 'Then you can chat, follow channels, and stream yourself.',
}

/** Escape closes it, and the focus goes back by itself: both are the element's. */
export function SignInDialog({ onSignedIn, onClose }: SignInDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    const shown = dialog.current!
    shown.showModal()
    return () => shown.close()
  }, [])
  return (
    <dialog class="sign-in-dialog" ref={dialog} aria-label="Sign in" onClose={onClose}>
      <SignInForm
        reasons={TO_CHAT}
        onSignedIn={async () => {
          await onSignedIn()
          dialog.current?.close()
        }}
      />
      <button type="button" class="chat-tool" aria-label="Close" onClick={() => dialog.current?.close()}>
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
          <path d="M6 6l12 12M18 6 6 18" />
        </svg>
      </button>
    </dialog>
  )
}
