/** One message, or one line of what happened. Made once: a message does not change. */
import { Component } from 'preact'
import { clock } from '../clock-text.ts'
import type { ChatMessage, Entry } from './message-log.ts'
import { piecesOf } from './message-text.ts'

interface RowProps {
  readonly entry: Entry
  /** The name of who reads; undefined: a guest. */
  readonly myName: string | undefined
  readonly canReply: boolean
}

const badgeNames = { owner: 'Owner', moderator: 'Moderator', vip: 'VIP', subscriber: 'Subscriber' }
const badgePaths = {
  owner: 'M3 18h18v3H3zM3 7l5 4 4-7 4 7 5-4-2 9H5z',
  moderator: 'M12 2l8 3v6c0 5-3.4 9-8 11-4.6-2-8-6-8-11V5z',
  vip: 'M6 3h12l4 6-10 12L2 9z',
  subscriber: 'm12 2 3 6.5 7 .9-5.2 4.8L18.2 22 12 18.3 5.8 22l1.4-7.8L2 9.4l7-.9z',
}

export class MessageRow extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const { entry, myName, canReply } = this.props
    return next.entry !== entry || next.myName !== myName || next.canReply !== canReply
  }

  override render({ entry, myName, canReply }: RowProps) {
    if (entry.kind === 'note') return <p class="chat-note">{entry.text}</p>
    return <Message message={entry.message} myName={myName} canReply={canReply} />
  }
}

function Message({ message, myName, canReply }: Omit<RowProps, 'entry'> & { message: ChatMessage }) {
  const { id, author, replyTo, sentAt, offsetMs } = message
  const isForMe = myName !== undefined && addresses(message, myName)
  return (
    <article class={isForMe ? 'chat-message for-me' : 'chat-message'} data-message={id} tabIndex={-1}>
      {replyTo && (
        <button type="button" class="chat-quote" data-act="jump" data-to={replyTo.id} tabIndex={-1}>
          <span class="visually-hidden">Answers </span>
          <b>{replyTo.username}</b> {replyTo.text}
        </button>
      )}
      <p>
        <time dateTime={sentAt} title={new Date(sentAt).toLocaleString()}>
          {offsetMs === undefined ? clockOf(sentAt) : clock(Math.floor(offsetMs / 1000) * 1000)}
        </time>
        <Badges roles={author.badges} />
        <b class="chat-author" style={{ '--hue': hueOf(author.username) }}>
          {author.username}
        </b>
        {/* A long word goes on its own line instead of taking the name with it. */}
        <span class="visually-hidden"> says: </span> <MessageText message={message} myName={myName} />
      </p>
      <span class="chat-acts">
        {canReply && (
          <button type="button" data-act="reply" tabIndex={-1} aria-label={`Reply to ${author.username}`}>
            <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
              <path d="M9 7 4 12l5 5M4 12h10a6 6 0 0 1 6 6v1" />
            </svg>
          </button>
        )}
        <button
          type="button"
          data-act="menu"
          tabIndex={-1}
          aria-label={`More for ${author.username}’s message`}
        >
          <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
            <path d="M5 12h.01M12 12h.01M19 12h.01" />
          </svg>
        </button>
      </span>
    </article>
  )
}

export function Badges({ roles }: { roles: ChatMessage['author']['badges'] }) {
  return (
    <>
      {roles.map(role => (
        <span
          key={role}
          class={`chat-badge ${role}`}
          role="img"
          aria-label={badgeNames[role]}
          title={badgeNames[role]}
        >
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d={badgePaths[role]} />
          </svg>
        </span>
      ))}
    </>
  )
}

export function MessageText({ message, myName }: { message: ChatMessage; myName: string | undefined }) {
  return (
    <span class="chat-text">
      {piecesOf(message).map(piece => {
        switch (piece.kind) {
          case 'text':
            return piece.text
          case 'mention':
            return (
              <span class={piece.username === myName ? 'chat-mention mine' : 'chat-mention'}>
                {piece.text}
              </span>
            )
          case 'emote':
            return (
              <img class="chat-emote" src={piece.url} alt={`:${piece.code}:`} title={`:${piece.code}:`} />
            )
          case 'link':
            return (
              <a href={piece.url} target="_blank" rel="noopener noreferrer nofollow ugc">
                {piece.text}
              </a>
            )
          default:
            return piece satisfies never
        }
      })}
    </span>
  )
}

/** Whether a message mentions or answers somebody. */
export function addresses({ mentions, replyTo, author }: ChatMessage, name: string): boolean {
  if (author.username === name) return false
  return replyTo?.username === name || mentions.some(each => each.toLowerCase() === name)
}

/** The same name has the same colour everywhere; the lightness is the theme's. */
function hueOf(name: string): number {
  let hash = 0
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)!) % 3_600
  return (hash * 47) % 360
}

function clockOf(sentAt: string): string {
  const at = new Date(sentAt)
  return `${at.getHours()}:${String(at.getMinutes()).padStart(2, '0')}`
}
