/** Signing in and signing up. */
import { useState } from 'preact/hooks'
import { api, useAction } from '../api.ts'
import { ErrorText } from '../layout.tsx'

interface SignInFormProps {
  readonly onSignedIn: () => Promise<void>
  /** What one signs in for, and what a new account leads to. */
  readonly reasons: { readonly known: string; readonly isNew: string }
}

export function SignInForm({ onSignedIn, reasons }: SignInFormProps) {
  const [isNew, setIsNew] = useState(false)
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const enter = useAction(async () => {
    const procedure = isNew ? api.auth.signUp : api.auth.signIn
    await procedure.mutate({ username, password })
    await onSignedIn()
  })
  const submit = (event: Event) => {
    event.preventDefault()
    enter.run()
  }
  return (
    <form class="panel narrow" onSubmit={submit}>
      <h1>{isNew ? 'Create your account' : 'Sign in'}</h1>
      <p class="muted">{isNew ? reasons.isNew : reasons.known}</p>
      <label>
        Username
        <input
          name="username"
          autocomplete="username"
          required
          maxLength={64}
          value={username}
          onInput={event => setUsername(event.currentTarget.value)}
        />
        {isNew && <small>3 to 24 of a-z, 0-9 and _</small>}
      </label>
      <label>
        Password
        <input
          name="password"
          type="password"
          autocomplete={isNew ? 'new-password' : 'current-password'}
          required
          minLength={isNew ? 8 : 1}
          maxLength={128}
          value={password}
          onInput={event => setPassword(event.currentTarget.value)}
        />
        {isNew && <small>At least 8 characters</small>}
      </label>
      <ErrorText>{enter.error}</ErrorText>
      <button class="button" type="submit" disabled={enter.isBusy}>
        {isNew ? 'Sign up' : 'Sign in'}
      </button>
      <SwitchForm isNew={isNew} onSwitch={() => setIsNew(!isNew)} />
    </form>
  )
}

function SwitchForm({ isNew, onSwitch }: { isNew: boolean; onSwitch: () => void }) {
  return (
    <p class="switch">
      {isNew ? 'You have an account?' : 'New here?'}{' '}
      <button type="button" class="link" onClick={onSwitch}>
        {isNew ? 'Sign in instead' : 'Create an account'}
      </button>
    </p>
  )
}
