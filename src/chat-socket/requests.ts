/** Reads what clients send. */
import type { ClientRequest, Ref } from './wire.ts'

const MAX_REF_CHARS = 64
const MAX_ID_CHARS = 64
const MAX_REACTION_CHARS = 32

/** Undefined: it is none. How long a message's text may be is the room's to say; a frame is bounded anyway. */
export function readRequest(frame: string): ClientRequest | undefined {
  const fields = readObject(frame)
  if (!fields) return undefined
  const { type, text, replyTo, reaction } = fields
  if (type === 'ping') return { type }
  const ref = readRef(fields['ref'])
  if (ref === undefined) return undefined
  if (type === 'send' && typeof text === 'string') {
    if (replyTo === undefined || replyTo === null) return { type, ref, text }
    return isShort(replyTo, MAX_ID_CHARS) ? { type, ref, text, replyTo } : undefined
  }
  return type === 'react' && isShort(reaction, MAX_REACTION_CHARS) ? { type, ref, reaction } : undefined
}

function readObject(frame: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(frame)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function readRef(value: unknown): Ref | null | undefined {
  if (value === undefined || value === null) return null
  if (typeof value === 'number' && Number.isFinite(value)) return value
  return isShort(value, MAX_REF_CHARS) ? value : undefined
}

function isShort(value: unknown, maxChars: number): value is string {
  return typeof value === 'string' && value.length <= maxChars
}
