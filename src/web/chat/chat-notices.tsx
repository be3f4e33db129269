/** How the connection and the room are, where that is not as usual. */
import type { RoomState } from './chat-room.ts'
import { durationText } from './message-log.ts'

export function ChatNotices({ state }: { state: RoomState }) {
  const trouble = troubleOf(state)
  const rules = rulesOf(state)
  return (
    <>
      <p class="chat-trouble" role="status">
        {trouble}
      </p>
      {rules.length > 0 && (
        <ul class="chat-rules" aria-label="Rules of this chat">
          {rules.map(rule => (
            <li key={rule}>{rule}</li>
          ))}
        </ul>
      )}
    </>
  )
}

function troubleOf({ connection, refusal, notice }: RoomState): string {
  if (connection === 'reconnecting') return 'The connection was lost. Coming back…'
  if (connection === 'connecting') return 'Connecting…'
  if (refusal === 'no_channel') return 'This channel has no chat any more.'
  return notice ?? ''
}

function rulesOf({ settings, connection }: RoomState): string[] {
  if (!settings || connection === 'closed') return []
  const { slowModeSeconds, followersOnlyMinutes, links } = settings
  const followers =
    followersOnlyMinutes === null
      ? ''
      : `Followers only${followersOnlyMinutes > 0 ? `, after ${durationText(followersOnlyMinutes * 60)}` : ''}`
  return [
    slowModeSeconds > 0 ? `Slow mode: ${durationText(slowModeSeconds)}` : '',
    followers,
    links === 'refuse' ? 'No links' : '',
  ].filter(Boolean)
}
