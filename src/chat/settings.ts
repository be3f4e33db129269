/** How a room is run: what its owner and moderators can choose, and within which bounds. */
import { z } from 'zod'
import { AppError } from '../errors.ts'
import type { PublicSettings } from './events.ts'

const MINUTES_OF_A_YEAR = 525_600
const DAY_MS = 24 * 60 * 60 * 1_000

/** What is absent stays as it is. */
export const settingsChanges = z.strictObject({
  slowModeSeconds: z.int().min(0).max(3_600).optional(),
  followersOnlyMinutes: z.int().min(0).max(MINUTES_OF_A_YEAR).nullable().optional(),
  isSignedInOnly: z.boolean().optional(),
  links: z.enum(['allow', 'hold', 'refuse']).optional(),
  blockedWords: z.array(z.string().min(1).max(100)).max(500).optional(),
  /** What happens to a message with a blocked word. */
  wordAction: z.enum(['hold', 'refuse']).optional(),
  isFirstMessageHeld: z.boolean().optional(),
  retentionDays: z.int().min(1).max(3_650).nullable().optional(),
})

export type SettingsChanges = z.infer<typeof settingsChanges>

export interface RoomSettings extends PublicSettings {
  /** As `WordFilter` reads them. */
  readonly blockedWords: readonly string[]
  readonly wordAction: 'hold' | 'refuse'
  /** The first message of each person is reviewed before it is shown. */
  readonly isFirstMessageHeld: boolean
  /** Messages are deleted after so many days, unless a video replays them; null: never. */
  readonly retentionDays: number | null
}

const defaults: RoomSettings = {
  slowModeSeconds: 0,
  followersOnlyMinutes: null,
  isSignedInOnly: true,
  links: 'allow',
  blockedWords: [],
  wordAction: 'refuse',
  isFirstMessageHeld: false,
  retentionDays: 90,
}

/** What is stored, with the default for what is absent or no longer understood. */
export function readSettings(stored: Readonly<Record<string, unknown>>): RoomSettings {
  const known = Object.keys(defaults).map(name => [name, stored[name]] as const)
  const valid = known.filter(([name, value]) => settingsChanges.safeParse({ [name]: value }).success)
  return { ...defaults, ...definedOf(Object.fromEntries(valid)) }
}

/** Throws `AppError` INVALID (`chat_settings_invalid`). */
export function checkChanges(changes: SettingsChanges): Record<string, unknown> {
  const checked = settingsChanges.safeParse(changes)
  if (!checked.success) throw new AppError('INVALID', 'chat_settings_invalid', z.prettifyError(checked.error))
  return definedOf(checked.data)
}

export function publicOf(settings: RoomSettings): PublicSettings {
  const { slowModeSeconds, followersOnlyMinutes, isSignedInOnly, links } = settings
  return { slowModeSeconds, followersOnlyMinutes, isSignedInOnly, links }
}

function definedOf(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}

/** Messages of before this are kept no longer, in milliseconds since the epoch; without end: all are kept. */
export function keptSince({ retentionDays }: RoomSettings, now: number): number {
  return retentionDays === null ? Number.NEGATIVE_INFINITY : now - retentionDays * DAY_MS
}
