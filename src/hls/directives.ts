/** Reads and checks the delivery directives of a media playlist request, draft-pantos-hls-rfc8216bis 6.2.5. */
import { AppError } from '../errors.ts'
import type { Window } from './window.ts'

export interface Directives {
  /** `_HLS_msn`: hold until the playlist has this segment, or with `part` this part of it. */
  readonly sequence: number | undefined
  readonly part: number | undefined
  /** `_HLS_skip`: a delta update will do. */
  readonly isDelta: boolean
}

const INTEGER = /^\d{1,15}$/

/** The directives in `query`; other keys are none of ours. Throws `AppError` INVALID (400). */
export function parseDirectives(query: Record<string, unknown>): Directives {
  const sequence = integer(query, '_HLS_msn')
  const part = integer(query, '_HLS_part')
  // 6.2.5.2: _HLS_part without _HLS_msn is a bad request.
  if (part !== undefined && sequence === undefined) throw invalid('_HLS_part needs _HLS_msn beside it.')
  // v2 also skips date ranges; there are none.
  const isDelta = query['_HLS_skip'] === 'YES' || query['_HLS_skip'] === 'v2'
  return { sequence, part, isDelta }
}

/** Refuses to wait for what is too far ahead, 6.2.5.2. Throws `AppError` INVALID (400). */
export function checkReach({ sequence, part }: Directives, window: Window): void {
  if (sequence === undefined) return
  const next = window.nextPart
  const last = next.index > 0 ? next.sequence : next.sequence - 1
  if (sequence > last + 2) throw invalid('_HLS_msn is more than two segments ahead.')
  if (part === undefined) return
  // The Advance Part Limit is counted from the last part; in a later segment, from its beginning.
  const partTarget = window.timing?.partTargetSeconds ?? 1
  const advance = partTarget < 1 ? Math.floor(3 / partTarget) : 3
  const lastPart = sequence === next.sequence ? Math.max(0, next.index - 1) : 0
  if (sequence >= next.sequence && part > lastPart + advance) throw invalid('_HLS_part is too far ahead.')
}

function integer(query: Record<string, unknown>, key: string): number | undefined {
  const value = query[key]
  if (value === undefined) return undefined
  if (typeof value !== 'string' || !INTEGER.test(value)) throw invalid(`${key} must be a decimal integer.`)
  return Number(value)
}

function invalid(message: string): AppError {
  return new AppError('INVALID', 'hls_directive_invalid', message)
}
