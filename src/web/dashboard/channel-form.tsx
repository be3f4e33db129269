/** Making a channel. */
import { useState } from 'preact/hooks'
import { api, useAction } from '../api.ts'
import { ErrorText } from '../layout.tsx'

interface ChannelFormProps {
  readonly suggestion: string
  readonly onCreated: (slug: string) => Promise<void>
  /** Absent: there is nothing to go back to. */
  readonly onCancel?: () => void
}

export function ChannelForm({ suggestion, onCreated, onCancel }: ChannelFormProps) {
  const [slug, setSlug] = useState(suggestion)
  const [title, setTitle] = useState('')
  const create = useAction(async () => {
    const channel = await api.channels.create.mutate({ slug, title })
    await onCreated(channel.slug)
  })
  const submit = (event: Event) => {
    event.preventDefault()
    create.run()
  }
  return (
    <form class="panel narrow" onSubmit={submit}>
      <h1>{onCancel ? 'New channel' : 'Make your channel'}</h1>
      <p class="muted">A channel is the page where people watch you.</p>
      <label>
        Address
        <span class="prefixed">
          <span class="prefix">{location.host}/</span>
          <input
            name="slug"
            required
            maxLength={64}
            pattern="[a-z0-9_\-]{2,64}"
            title="2 to 64 of a-z, 0-9, _ and -"
            autocapitalize="none"
            spellcheck={false}
            value={slug}
            onInput={event => setSlug(event.currentTarget.value.toLowerCase())}
          />
        </span>
      </label>
      <TitleField value={title} onInput={setTitle} />
      <ErrorText>{create.error}</ErrorText>
      <div class="row">
        <button class="button" type="submit" disabled={create.isBusy}>
          Create channel
        </button>
        {onCancel && (
          <button class="button quiet" type="button" onClick={onCancel}>
            Cancel
          </button>
        )}
      </div>
    </form>
  )
}

export function TitleField({ value, onInput }: { value: string; onInput: (title: string) => void }) {
  return (
    <label>
      Title
      <input
        name="title"
        required
        maxLength={140}
        placeholder="What people will see"
        value={value}
        onInput={event => onInput(event.currentTarget.value)}
      />
    </label>
  )
}
