/** The commands that the composer helps to type. */

export interface SlashCommand {
  readonly name: string
  /** What comes after the name. */
  readonly usage: string
  readonly hint: string
  readonly isForModerators: boolean
}

const moderators = (name: string, usage: string, hint: string): SlashCommand => ({
  ...{ name, usage, hint, isForModerators: true },
})

export const slashCommands: readonly SlashCommand[] = [
  { name: 'help', usage: '', hint: 'What you can type here', isForModerators: false },
  moderators('timeout', 'name 10m reason', 'Silence somebody for a while'),
  moderators('untimeout', 'name', 'Let them speak again'),
  moderators('ban', 'name reason', 'Out of this chat'),
  moderators('unban', 'name', 'Take a ban back'),
  moderators('slow', '30s or off', 'Time between two messages'),
  moderators('followers', '10m or off', 'Only followers may speak'),
  moderators('signedin', 'on or off', 'Guests read only'),
  moderators('links', 'allow, hold or refuse', 'What happens to links'),
  moderators('clear', '', 'Remove all messages'),
  moderators('block', 'word', 'Block a word; * stands for any letters'),
  moderators('unblock', 'word', 'Allow a word again'),
  moderators('mod', 'name', 'Make somebody a moderator'),
  moderators('unmod', 'name', 'Take that back'),
  moderators('vip', 'name', 'Give somebody the VIP badge'),
  moderators('unvip', 'name', 'Take that back'),
  moderators('shadowban', 'name reason', 'Heard by nobody, without knowing'),
  moderators('unshadowban', 'name', 'Take that back'),
]
