/** Who may not speak, or is out. */
import { useState } from 'preact/hooks'
import type { ApiOutputs } from '../../client/index.ts'
import { api, useAction } from '../api.ts'
import { ErrorText } from '../layout.tsx'
import { usePages } from './chat-pages.ts'
import type { ChatPartProps } from './chat-section.tsx'

type Ban = ApiOutputs['chat']['bans']['items'][number]

const names = { ban: 'Banned', timeout: 'Timed out', shadow: 'Heard by nobody' }

export function ChatBans({ channel: { slug } }: ChatPartProps) {
  const bans = usePages<Ban>(slug, cursor => api.chat.bans.query({ slug, ...(cursor && { cursor }) }))
  return (
    <>
      <BanForm slug={slug} reload={bans.reload} />
      <ErrorText>{bans.error}</ErrorText>
      {bans.items?.length === 0 && <p class="muted">Nobody is banned.</p>}
      <ul class="chat-records">
        {bans.items?.map(ban => (
          <BanRow key={ban.id} slug={slug} ban={ban} reload={bans.reload} />
        ))}
      </ul>
      {bans.readMore && (
        <button type="button" class="button quiet" onClick={bans.readMore}>
          Show more
        </button>
      )}
    </>
  )
}

interface BanProps {
  readonly slug: string
  readonly reload: () => Promise<void>
}

function BanRow({ slug, ban, reload }: BanProps & { ban: Ban }) {
  const { kind, account, addressRange, reason, until, by } = ban
  const name = account?.username ?? addressRange ?? ''
  const lift = useAction(async () => {
    const who = account ? { username: account.username } : { addressRange: addressRange ?? '' }
    if (kind === 'timeout') await api.chat.untimeout.mutate({ slug, ...who })
    else await api.chat.unban.mutate({ slug, ...who, isShadow: kind === 'shadow' })
    await reload()
  })
  return (
    <li>
      <span>
        <b>{name}</b> <span class="muted">{names[kind]}</span>
        {until && <span class="muted"> until {new Date(until).toLocaleString()}</span>}
        <small class="muted">{[by && `by ${by.username}`, reason].filter(Boolean).join(': ')}</small>
      </span>
      <button
        type="button"
        class="button quiet"
        aria-label={`Take back what holds for ${name}`}
        disabled={lift.isBusy}
        onClick={lift.run}
      >
        Take back
      </button>
      <ErrorText>{lift.error}</ErrorText>
    </li>
  )
}

function BanForm({ slug, reload }: BanProps) {
  const [who, setWho] = useState('')
  const [reason, setReason] = useState('')
  const ban = useAction(async () => {
    const name = who.trim().replace(/^@/, '')
    const target = /[.:/]/.test(name) ? { addressRange: name } : { username: name }
    await api.chat.ban.mutate({ slug, ...target, ...(reason.trim() && { reason: reason.trim() }) })
    setWho('')
    setReason('')
    await reload()
  })
  const submit = (event: Event) => {
    event.preventDefault()
    ban.run()
  }
  return (
    <form class="chat-add" onSubmit={submit}>
      <label>
        Username or address range
        <input
          required
          maxLength={64}
          autocapitalize="none"
          spellcheck={false}
          value={who}
          onInput={event => setWho(event.currentTarget.value)}
        />
      </label>
      <label>
        Reason
        <input maxLength={200} value={reason} onInput={event => setReason(event.currentTarget.value)} />
      </label>
      <button class="button quiet" type="submit" disabled={ban.isBusy}>
        Ban
      </button>
      <ErrorText>{ban.error}</ErrorText>
    </form>
  )
}
