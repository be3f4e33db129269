/** How a room's events look in IRC: plain for plain clients, with Twitch's tags and commands for who asked for them. */
import type { ChatMessage, ModeratorEvent, PublicSettings, Role, RoomEvent } from '../chat/events.ts'
import type { CapabilitySet } from './capabilities.ts'
import { fromServer, type IrcMessage, SERVER_NAME } from './message.ts'

export interface RoomName {
  readonly channelId: string
  readonly slug: string
}

type Tags = Record<string, string>

const badgeNames: Readonly<Record<Role, string>> = {
  owner: 'broadcaster',
  moderator: 'moderator',
  vip: 'vip',
  subscriber: 'subscriber',
}

/** `nick!user@host` of somebody. */
export function prefixOf(username: string): string {
  return `${username}!${username}@${username}.${SERVER_NAME}`
}

/** The lines that tell `event` to a client with these capabilities; none where it has no form in IRC. */
export function linesOf(event: RoomEvent, room: RoomName, caps: CapabilitySet): IrcMessage[] {
  switch (event.type) {
    case 'message':
      return [messageLine(event.message, room, caps)]
    case 'deleted':
      if (!caps.has('twitch.tv/commands')) return []
      return [
        tagged(
          fromServer('CLEARMSG', [channelOf(room), '']),
          { 'room-id': room.channelId, 'target-msg-id': event.id },
          caps,
        ),
      ]
    case 'expelled':
      return [expelledLine(event, room, caps)]
    case 'cleared':
      return caps.has('twitch.tv/commands')
        ? [tagged(fromServer('CLEARCHAT', [channelOf(room)]), { 'room-id': room.channelId }, caps)]
        : [noticeLine(room, 'chat_cleared', 'A moderator has cleared the chat.', caps)]
    case 'settings':
      return caps.has('twitch.tv/commands') ? [roomStateLine(event.settings, room, caps)] : []
    case 'notice':
      return [noticeLine(room, event.code, event.text, caps)]
    case 'presence':
      return [
        ...event.joined.map(name => ({ prefix: prefixOf(name), command: 'JOIN', params: [channelOf(room)] })),
        ...event.left.map(name => ({ prefix: prefixOf(name), command: 'PART', params: [channelOf(room)] })),
      ]
    case 'reactions':
      return []
    default:
      return event satisfies never
  }
}

export function channelOf({ slug }: RoomName): string {
  return `#${slug}`
}

/** Twitch's `msg-id` says to programs what the text says to people. */
export function noticeLine(room: RoomName, code: string, text: string, caps: CapabilitySet): IrcMessage {
  return tagged(fromServer('NOTICE', [channelOf(room), text]), { 'msg-id': code }, caps)
}

/** What waits for a moderator, with how to decide upon it, and what was decided. */
export function moderatorLine(event: ModeratorEvent, room: RoomName, caps: CapabilitySet): IrcMessage {
  const id = event.type === 'held' ? event.message.id : event.id
  const text =
    event.type === 'held'
      ? `Held (${event.reason}): <${event.message.author.username}> ${event.message.text} | /approve ${id} | /reject ${id}`
      : `Held message ${id} ${event.isApproved ? 'was approved' : 'was rejected'}.`
  const line = fromServer('NOTICE', [channelOf(room), text])
  return tagged(line, { 'msg-id': event.type, 'target-msg-id': id }, caps)
}

export function roomStateLine(settings: PublicSettings, room: RoomName, caps: CapabilitySet): IrcMessage {
  const tags = {
    'emote-only': '0',
    'followers-only': String(settings.followersOnlyMinutes ?? -1),
    r9k: '0',
    'room-id': room.channelId,
    slow: String(settings.slowModeSeconds),
    'subs-only': '0',
  }
  return tagged(fromServer('ROOMSTATE', [channelOf(room)]), tags, caps)
}

/** What the client itself is in the room. */
export function userStateLine(
  { username, badges }: { readonly username: string; readonly badges: readonly Role[] },
  room: RoomName,
  caps: CapabilitySet,
): IrcMessage {
  return tagged(
    fromServer('USERSTATE', [channelOf(room)]),
    { ...badgeTags(badges), 'display-name': username },
    caps,
  )
}

function messageLine(message: ChatMessage, room: RoomName, caps: CapabilitySet): IrcMessage {
  const { author, replyTo, id, sentAt } = message
  const tags: Tags = {
    ...(caps.has('message-tags') && { msgid: id, ...(replyTo && { '+draft/reply': replyTo.id }) }),
    ...(caps.has('server-time') && { time: sentAt }),
    ...(caps.has('twitch.tv/tags') && twitchTags(message, room)),
  }
  return {
    ...(Object.keys(tags).length > 0 && { tags }),
    prefix: prefixOf(author.username),
    command: 'PRIVMSG',
    params: [channelOf(room), message.text],
  }
}

function twitchTags({ author, replyTo, id, sentAt, text, emotes }: ChatMessage, room: RoomName): Tags {
  return {
    ...badgeTags(author.badges),
    'display-name': author.username,
    emotes: emoteRanges(text, emotes),
    id,
    'room-id': room.channelId,
    'tmi-sent-ts': String(Date.parse(sentAt)),
    'user-id': author.id ?? '',
    ...(replyTo && {
      'reply-parent-msg-id': replyTo.id,
      'reply-parent-user-login': replyTo.username,
      'reply-parent-display-name': replyTo.username,
      'reply-parent-msg-body': replyTo.text,
    }),
  }
}

function badgeTags(badges: readonly Role[]): Tags {
  const isModerator = badges.includes('moderator')
  return {
    'badge-info': '',
    badges: badges.map(badge => `${badgeNames[badge]}/1`).join(','),
    mod: isModerator ? '1' : '0',
    subscriber: badges.includes('subscriber') ? '1' : '0',
    'user-type': isModerator ? 'mod' : '',
  }
}

/** Twitch counts in code points, both ends included: `ID:0-4,6-10/ID:12-16`. */
function emoteRanges(text: string, emotes: ChatMessage['emotes']): string {
  const ranges = emotes.map(({ code, url }) => {
    const id = /([^/]+?)(?:\.\w+)?$/.exec(url)?.[1] ?? code
    const token = `:${code}:`
    const places: string[] = []
    for (let at = text.indexOf(token); at >= 0; at = text.indexOf(token, at + token.length)) {
      const start = [...text.slice(0, at)].length
      places.push(`${start}-${start + token.length - 1}`)
    }
    return `${id}:${places.join(',')}`
  })
  return ranges.join('/')
}

function expelledLine(
  { account, seconds }: Extract<RoomEvent, { type: 'expelled' }>,
  room: RoomName,
  caps: CapabilitySet,
): IrcMessage {
  if (!caps.has('twitch.tv/commands')) {
    const how = seconds === undefined ? 'was banned' : `was timed out for ${seconds} s`
    return noticeLine(room, 'expelled', `${account.username} ${how}.`, caps)
  }
  const tags = {
    ...(seconds !== undefined && { 'ban-duration': String(seconds) }),
    'room-id': room.channelId,
    'target-user-id': account.id ?? '',
  }
  return tagged(fromServer('CLEARCHAT', [channelOf(room), account.username]), tags, caps)
}

function tagged(line: IrcMessage, tags: Tags, caps: CapabilitySet): IrcMessage {
  return caps.has('twitch.tv/tags') ? { ...line, tags } : line
}
