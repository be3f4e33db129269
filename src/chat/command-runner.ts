/** Carries out what moderators type, and says to them what came of it. */
import { AppError } from '../errors.ts'
import type { Moderation } from './moderation.ts'
import type { Actor } from './records.ts'
import type { Review } from './review.ts'
import type { HeldRoom } from './room.ts'
import { type Command, type CommandName, usages } from './rules/commands.ts'
import type { SettingsChanges } from './settings.ts'

/** What a command is run with. */
interface Run {
  readonly moderation: Moderation
  readonly review: Review
  readonly room: HeldRoom
  readonly actor: Actor
}

type Runner<Name extends CommandName> = (run: Run, command: Command & { name: Name }) => Promise<string>

/** Answers what its author is told. Throws what `Moderation` and `Review` throw. */
export async function runCommand(
  { moderation, review }: Pick<Run, 'moderation' | 'review'>,
  room: HeldRoom,
  actor: Actor | undefined,
  command: Command,
): Promise<string> {
  if (command.name === 'help') return Object.values(usages).join('\n')
  if (!actor) throw new AppError('FORBIDDEN', 'not_moderator', 'Sign in as a moderator to do this.')
  const run = runners[command.name] as Runner<CommandName>
  return run({ moderation, review, room, actor }, command)
}

const runners: { readonly [Name in Exclude<CommandName, 'help'>]: Runner<Name> } = {
  timeout: async ({ moderation, room, actor }, { username, seconds, reason }) => {
    await moderation.timeout(actor, room.slug, { username }, { seconds, reason })
    return `${username} is silent for ${seconds} s.`
  },
  untimeout: async ({ moderation, room, actor }, { username }) => {
    await moderation.untimeout(actor, room.slug, { username })
    return `${username} may speak again.`
  },
  ban: async ({ moderation, room, actor }, { target, reason }) => {
    await moderation.ban(actor, room.slug, target, { reason })
    return `${nameOf(target)} is banned.`
  },
  unban: async ({ moderation, room, actor }, { target }) => {
    await moderation.unban(actor, room.slug, target)
    return `${nameOf(target)} is not banned any more.`
  },
  shadowban: async ({ moderation, room, actor }, { username, reason }) => {
    await moderation.shadow(actor, room.slug, { username }, reason)
    return `${username} is heard by nobody else.`
  },
  unshadowban: async ({ moderation, room, actor }, { username }) => {
    await moderation.unshadow(actor, room.slug, { username })
    return `${username} is heard again.`
  },
  mod: (run, { username }) => grant(run, username, 'moderator'),
  vip: (run, { username }) => grant(run, username, 'vip'),
  subscriber: (run, { username }) => grant(run, username, 'subscriber'),
  unmod: (run, { username }) => revoke(run, username, 'moderator'),
  unvip: (run, { username }) => revoke(run, username, 'vip'),
  unsubscriber: (run, { username }) => revoke(run, username, 'subscriber'),
  delete: async ({ moderation, room, actor }, { messageId, reason }) => {
    await moderation.deleteMessage(actor, room.slug, messageId, reason)
    return 'The message is deleted.'
  },
  approve: async ({ review, room, actor }, { messageId }) => {
    await review.approve(actor, room.slug, messageId)
    return 'The message is shown.'
  },
  reject: async ({ review, room, actor }, { messageId }) => {
    await review.reject(actor, room.slug, messageId)
    return 'The message is not shown.'
  },
  clear: async ({ moderation, room, actor }) => {
    await moderation.clear(actor, room.slug)
    return 'The chat is cleared.'
  },
  slow: (run, { seconds }) =>
    change(
      run,
      { slowModeSeconds: seconds },
      seconds === 0 ? 'Slow mode is off.' : `Slow mode: ${seconds} s.`,
    ),
  followers: (run, { minutes }) =>
    change(
      run,
      { followersOnlyMinutes: minutes },
      minutes === null ? 'Everybody may speak.' : `Only who has followed for ${minutes} minutes may speak.`,
    ),
  signedin: (run, { isOn }) =>
    change(run, { isSignedInOnly: isOn }, isOn ? 'Guests read only.' : 'Guests may speak.'),
  links: (run, { policy }) => change(run, { links: policy }, `Links: ${policy}.`),
  block: (run, { word }) => {
    const others = run.room.allSettings.blockedWords.filter(each => each !== word)
    return change(run, { blockedWords: [...others, word] }, 'The word is blocked.')
  },
  unblock: (run, { word }) => {
    const others = run.room.allSettings.blockedWords.filter(each => each !== word)
    return change(run, { blockedWords: others }, 'The word is not blocked any more.')
  },
}

async function grant(
  { moderation, room, actor }: Run,
  username: string,
  role: 'moderator' | 'vip' | 'subscriber',
): Promise<string> {
  await moderation.setRole(actor, room.slug, username, role)
  return `${username} is ${role} now.`
}

/** Only that role: `/unvip` must not take a moderator's rights. */
async function revoke(
  { moderation, room, actor }: Run,
  username: string,
  role: 'moderator' | 'vip' | 'subscriber',
): Promise<string> {
  await moderation.removeRole(actor, room.slug, username, role)
  return `${username} is no ${role} any more.`
}

async function change(
  { moderation, room, actor }: Run,
  changes: SettingsChanges,
  text: string,
): Promise<string> {
  await moderation.updateSettings(actor, room.slug, changes)
  return text
}

function nameOf(target: { username: string } | { addressRange: string }): string {
  return 'username' in target ? target.username : target.addressRange
}
