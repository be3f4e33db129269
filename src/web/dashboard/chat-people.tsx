/** Who has a role in the chat. */
import { useState } from 'preact/hooks'
import { type ApiOutputs, messageOf } from '../../client/index.ts'
import { api, useAction, useQuery } from '../api.ts'
import { Badges } from '../chat/message-row.tsx'
import { ErrorText } from '../layout.tsx'
import type { ChatPartProps } from './chat-section.tsx'

type Member = ApiOutputs['chat']['roles']['list']['items'][number]

const names = { moderator: 'Moderator', vip: 'VIP', subscriber: 'Subscriber' } as const

export function ChatPeople({ channel: { slug } }: ChatPartProps) {
  const members = useQuery(`chat roles ${slug}`, () => api.chat.roles.list.query({ slug }))
  return (
    <>
      <p class="muted small">Moderators look after the chat. VIPs are not slowed down.</p>
      <RoleForm slug={slug} reload={members.reload} />
      <ErrorText>{members.error ? messageOf(members.error) : ''}</ErrorText>
      <ul class="chat-records">
        {members.data?.items.map(member => (
          <MemberRow key={member.account.id} slug={slug} member={member} reload={members.reload} />
        ))}
      </ul>
    </>
  )
}

interface RowProps {
  readonly slug: string
  readonly reload: () => Promise<void>
}

function MemberRow({ slug, member, reload }: RowProps & { member: Member }) {
  const { username } = member.account
  const remove = useAction(async () => {
    await api.chat.roles.remove.mutate({ slug, username })
    await reload()
  })
  return (
    <li>
      <span>
        <Badges roles={[member.role]} /> <b>{username}</b> <span class="muted">{names[member.role]}</span>
      </span>
      <button
        type="button"
        class="button quiet"
        aria-label={`Take the role from ${username}`}
        disabled={remove.isBusy}
        onClick={remove.run}
      >
        Remove
      </button>
      <ErrorText>{remove.error}</ErrorText>
    </li>
  )
}

function RoleForm({ slug, reload }: RowProps) {
  const [username, setUsername] = useState('')
  const [role, setRole] = useState<Member['role']>('moderator')
  const give = useAction(async () => {
    await api.chat.roles.set.mutate({ slug, username: username.trim().replace(/^@/, ''), role })
    setUsername('')
    await reload()
  })
  const submit = (event: Event) => {
    event.preventDefault()
    give.run()
  }
  return (
    <form class="chat-add" onSubmit={submit}>
      <label>
        Username
        <input
          required
          maxLength={32}
          autocapitalize="none"
          spellcheck={false}
          value={username}
          onInput={event => setUsername(event.currentTarget.value)}
        />
      </label>
      <label>
        Role
        <select value={role} onChange={event => setRole(event.currentTarget.value as Member['role'])}>
          {Object.entries(names).map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button class="button quiet" type="submit" disabled={give.isBusy}>
        Give role
      </button>
      <ErrorText>{give.error}</ErrorText>
    </form>
  )
}
