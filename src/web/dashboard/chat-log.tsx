/** Who did what to whom, and why. */
import type { ApiOutputs } from '../../client/index.ts'
import { api } from '../api.ts'
import { ErrorText } from '../layout.tsx'
import { usePages } from './chat-pages.ts'
import type { ChatPartProps } from './chat-section.tsx'

type LogEntry = ApiOutputs['chat']['log']['items'][number]

const verbs: Readonly<Record<string, string>> = {
  delete: 'deleted a message of',
  timeout: 'timed out',
  untimeout: 'ended the timeout of',
  ban: 'banned',
  unban: 'unbanned',
  shadow: 'hid',
  unshadow: 'no longer hides',
  clear: 'cleared the chat',
  grant: 'gave a role to',
  revoke: 'took the role from',
  settings: 'changed the rules',
  hold: 'held a message of',
  approve: 'let through a message of',
  reject: 'refused a message of',
}

export function ChatLog({ channel: { slug } }: ChatPartProps) {
  const log = usePages<LogEntry>(slug, cursor => api.chat.log.query({ slug, ...(cursor && { cursor }) }))
  return (
    <>
      <ErrorText>{log.error}</ErrorText>
      {log.items?.length === 0 && <p class="muted">Nothing was done yet.</p>}
      <ol class="chat-records">
        {log.items?.map(entry => (
          <li key={entry.id}>
            <LogLine entry={entry} />
          </li>
        ))}
      </ol>
      {log.readMore && (
        <button type="button" class="button quiet" onClick={log.readMore}>
          Show more
        </button>
      )}
    </>
  )
}

function LogLine({ entry }: { entry: LogEntry }) {
  const { action, actor, target, reason, until, details, actedAt } = entry
  const role = typeof details['role'] === 'string' ? ` (${details['role']})` : ''
  return (
    <span>
      <b>{actor?.username ?? 'The rules'}</b> {verbOf(entry)} {target && <b>{target.name}</b>}
      {role}
      <small class="muted">
        {[
          new Date(actedAt).toLocaleString(),
          until && `until ${new Date(until).toLocaleString()}`,
          reason,
          action === 'settings' && Object.keys(details).join(', '),
        ]
          .filter(Boolean)
          .join(' · ')}
      </small>
    </span>
  )
}

/** Comments on videos are logged with what is done in the chat. */
function verbOf({ action, details }: LogEntry): string {
  const verb = verbs[action] ?? action
  return 'commentId' in details ? verb.replace('a message', 'a comment') : verb
}
