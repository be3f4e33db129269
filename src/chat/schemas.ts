/** What the chat's procedures take and answer. */
import { z } from 'zod'

const MAX_PAGE = 100

export const page = {
  limit: z.int().min(1).max(MAX_PAGE).optional(),
  cursor: z.string().max(64).optional(),
}
export const reason = z.string().trim().max(500).optional()
export const seconds = z.int().min(1)
/** Exactly one of the three says who is meant. */
export const target = {
  username: z.string().max(32).optional(),
  messageId: z.uuid().optional().describe('Who wrote it: an account or a guest; or a comment’s id'),
  addressRange: z.string().max(64).optional().describe('CIDR'),
}
export const role = z.enum(['moderator', 'vip', 'subscriber'])

const person = z.object({ id: z.uuid(), username: z.string() })
export const message = z.object({
  id: z.uuid(),
  author: z.object({
    id: z.uuid().nullable().describe('Null: a guest'),
    username: z.string(),
    badges: z.array(z.enum(['owner', 'moderator', 'vip', 'subscriber'])).readonly(),
  }),
  text: z.string(),
  sentAt: z.iso.datetime(),
  replyTo: z.object({ id: z.uuid(), username: z.string(), text: z.string() }).nullable(),
  mentions: z.array(z.string()).readonly().describe('Usernames that exist'),
  emotes: z
    .array(z.object({ code: z.string(), url: z.string() }))
    .readonly()
    .describe('`:code:` in the text stands for the picture'),
})
const answered = z.string().describe('What its author is told')
export const said = z.discriminatedUnion('outcome', [
  message.extend({ outcome: z.literal('sent') }),
  z.object({ outcome: z.literal('held'), notice: answered }),
  z.object({ outcome: z.literal('done'), notice: answered }).describe('The text was a command'),
])
export const history = z.object({
  items: z.array(message).describe('Newest first'),
  nextCursor: z.string().optional(),
  seq: z.int().describe('Where `onMessage` goes on, as its `lastEventId`, when this is the first page'),
})

export const publicSettings = z.object({
  slowModeSeconds: z.int(),
  followersOnlyMinutes: z.int().nullable(),
  isSignedInOnly: z.boolean(),
  links: z.enum(['allow', 'hold', 'refuse']),
})
export const settings = publicSettings.extend({
  blockedWords: z.array(z.string()).readonly(),
  wordAction: z.enum(['hold', 'refuse']),
  isFirstMessageHeld: z.boolean(),
  retentionDays: z.int().nullable().describe('What a video replays stays for as long as it does'),
})
export const standing = z.object({
  username: z.string(),
  badges: message.shape.author.shape.badges,
  isModerator: z.boolean(),
  timedOutUntil: z.string().nullable(),
})

export const held = z.object({
  items: z.array(z.object({ message, reason: z.string() })),
  nextCursor: z.string().optional(),
})
export const log = z.object({
  items: z.array(
    z.object({
      id: z.uuid(),
      action: z.string(),
      actor: person.nullable().describe("Null: the room's rules, or an account that is gone"),
      target: z.object({ id: z.uuid().nullable(), name: z.string() }).nullable(),
      messageId: z.uuid().nullable(),
      reason: z.string().nullable(),
      until: z.iso.datetime().nullable(),
      details: z.record(z.string(), z.unknown()),
      actedAt: z.iso.datetime(),
    }),
  ),
  nextCursor: z.string().optional(),
})
export const bans = z.object({
  items: z.array(
    z.object({
      id: z.uuid(),
      kind: z.enum(['ban', 'timeout', 'shadow']),
      account: person.nullable(),
      addressRange: z.string().nullable(),
      reason: z.string().nullable(),
      until: z.iso.datetime().nullable(),
      by: person.nullable(),
      createdAt: z.iso.datetime(),
    }),
  ),
  nextCursor: z.string().optional(),
})
export const roles = z.object({ items: z.array(z.object({ account: person, role })) })
export const emote = z.object({
  id: z.uuid(),
  code: z.string(),
  url: z.string(),
  width: z.int(),
  height: z.int(),
})
export const done = z.object({})
