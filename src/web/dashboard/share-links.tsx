/** Links by which others watch what is private: made, copied, taken back. */
import { useState } from 'preact/hooks'
import { api, useAction, useQuery } from '../api.ts'
import { ErrorText } from '../layout.tsx'
import { dateText } from '../vod/vod-texts.ts'
import { Confirm } from './confirm.tsx'

const DAYS = [1, 7, 30, 365]

export function ShareLinks({ channelId }: { channelId: string }) {
  const shares = useQuery(`shares ${channelId}`, () => api.playback.shares.query({ channelId }))
  const [name, setName] = useState('')
  const [days, setDays] = useState(7)
  const make = useAction(async () => {
    await api.playback.share.mutate({ channelId, days, name })
    setName('')
    await shares.reload()
  })
  const submit = (event: Event) => {
    event.preventDefault()
    make.run()
  }
  return (
    <div class="vod-edit">
      <h3>Links for guests</h3>
      <ul class="share-links">
        {shares.data?.items.map(share => (
          <ShareLink key={share.id} share={share} reload={shares.reload} />
        ))}
      </ul>
      <form class="row" onSubmit={submit}>
        <input
          aria-label="For whom"
          placeholder="For whom"
          maxLength={80}
          value={name}
          onInput={event => setName(event.currentTarget.value)}
        />
        <select
          aria-label="Good for"
          value={days}
          onChange={event => setDays(Number(event.currentTarget.value))}
        >
          {DAYS.map(each => (
            <option key={each} value={each}>
              {each === 1 ? 'a day' : `${each} days`}
            </option>
          ))}
        </select>
        <button class="button quiet" type="submit" disabled={make.isBusy}>
          Make a link
        </button>
      </form>
      <ErrorText>{make.error}</ErrorText>
    </div>
  )
}

interface ShareLinkProps {
  readonly share: Awaited<ReturnType<typeof api.playback.shares.query>>['items'][number]
  readonly reload: () => Promise<void>
}

function ShareLink({ share: { id, name, url, expiresAt }, reload }: ShareLinkProps) {
  const [isCopied, setIsCopied] = useState(false)
  const copy = useAction(async () => {
    await navigator.clipboard.writeText(new URL(url, location.href).href)
    setIsCopied(true)
  })
  const revoke = useAction(async () => {
    await api.playback.revokeShare.mutate({ id })
    await reload()
  })
  return (
    <li class="row">
      <span>{name || 'Link'}</span>
      <span class="muted small">until {dateText(expiresAt)}</span>
      <span class="spacer" />
      <button type="button" class="button quiet" onClick={copy.run}>
        {isCopied ? 'Copied' : 'Copy'}
      </button>
      <Confirm
        label="Revoke"
        question="Send away who watches by it?"
        answer="Revoke it"
        isBusy={revoke.isBusy}
        onConfirm={revoke.run}
      />
      <ErrorText>{copy.error ?? revoke.error}</ErrorText>
    </li>
  )
}
