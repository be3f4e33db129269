/** The channel's own little pictures. */
import { useState } from 'preact/hooks'
import { type ApiOutputs, messageOf } from '../../client/index.ts'
import { api, useAction, useQuery } from '../api.ts'
import { ErrorText } from '../layout.tsx'
import type { ChatPartProps } from './chat-section.tsx'

type Emote = ApiOutputs['chat']['emotes']['list']['items'][number]

const MAX_BYTES = 256 * 1024

export function ChatEmotes({ channel }: ChatPartProps) {
  const channelId = channel.id
  const emotes = useQuery(`emotes ${channelId}`, () => api.chat.emotes.list.query({ channelId }))
  return (
    <>
      <p class="muted small">Viewers type the code between colons, or pick the picture beside the field.</p>
      <EmoteForm channelId={channelId} reload={emotes.reload} />
      <ErrorText>{emotes.error ? messageOf(emotes.error) : ''}</ErrorText>
      <ul class="chat-emote-cards">
        {emotes.data?.items.map(emote => (
          <EmoteCard key={emote.id} emote={emote} reload={emotes.reload} />
        ))}
      </ul>
    </>
  )
}

function EmoteCard({ emote, reload }: { emote: Emote; reload: () => Promise<void> }) {
  const remove = useAction(async () => {
    await api.chat.emotes.remove.mutate({ id: emote.id })
    await reload()
  })
  return (
    <li>
      <img src={emote.url} alt="" />
      <code>:{emote.code}:</code>
      <button
        type="button"
        class="link small"
        aria-label={`Remove ${emote.code}`}
        disabled={remove.isBusy}
        onClick={remove.run}
      >
        Remove
      </button>
      <ErrorText>{remove.error}</ErrorText>
    </li>
  )
}

function EmoteForm({ channelId, reload }: { channelId: string; reload: () => Promise<void> }) {
  const [code, setCode] = useState('')
  const [file, setFile] = useState<File>()
  const [resets, setResets] = useState(0)
  const add = useAction(async () => {
    if (!file) return
    const image = await base64Of(file)
    await api.chat.emotes.add.mutate({ channelId, code, image })
    setCode('')
    setFile(undefined)
    setResets(resets + 1)
    await reload()
  })
  const isTooBig = file !== undefined && file.size > MAX_BYTES
  const submit = (event: Event) => {
    event.preventDefault()
    if (!isTooBig) add.run()
  }
  return (
    <form class="chat-add" onSubmit={submit}>
      <label>
        Code
        <input
          required
          pattern="[A-Za-z0-9_]{2,32}"
          title="2 to 32 letters, digits and _"
          autocapitalize="none"
          spellcheck={false}
          value={code}
          onInput={event => setCode(event.currentTarget.value)}
        />
      </label>
      <label>
        Picture
        <input
          key={resets}
          type="file"
          required
          accept="image/png,image/jpeg,image/gif,image/webp"
          onChange={event => setFile(event.currentTarget.files?.[0])}
        />
      </label>
      <button class="button quiet" type="submit" disabled={add.isBusy}>
        Add emote
      </button>
      <ErrorText>{isTooBig ? 'A picture has at most 256 KiB.' : add.error}</ErrorText>
    </form>
  )
}

async function base64Of(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  const characters = Array.from(bytes, byte => String.fromCharCode(byte))
  return btoa(characters.join(''))
}
