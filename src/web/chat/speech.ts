/** Whether who reads may also speak, and if not, why. */
import type { RoomState } from './chat-room.ts'
import { durationText } from './message-log.ts'

export type Speech =
  | { readonly kind: 'open' }
  | { readonly kind: 'signed_out' }
  | { readonly kind: 'silenced'; readonly text: string }
  /** Nothing is known yet. */
  | { readonly kind: 'unknown' }

/** `now`: milliseconds since the epoch. */
export function speechOf({ me, settings, refusal }: RoomState, now: number): Speech {
  if (refusal === 'banned') return { kind: 'silenced', text: 'You are banned from this chat.' }
  if (refusal === 'members_only')
    return { kind: 'silenced', text: 'This channel is private. Its chat is for its members.' }
  if (!me || !settings) return { kind: 'unknown' }
  const silentMs = Date.parse(me.timedOutUntil ?? '') - now
  if (silentMs > 0)
    return { kind: 'silenced', text: `You are timed out. You can speak again in ${leftText(silentMs)}.` }
  return me.isGuest && settings.isSignedInOnly ? { kind: 'signed_out' } : { kind: 'open' }
}

/** Exact where it is short. */
function leftText(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  if (seconds >= 3_600) return durationText(seconds)
  const minutes = Math.floor(seconds / 60)
  return minutes > 0 ? `${minutes}:${String(seconds % 60).padStart(2, '0')} minutes` : durationText(seconds)
}
