/** What a key of an object may look like, so that no store has to fear it: it is a path in one, a URL in the other. */

const PART = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/
/** Of S3; a path of Linux takes four times as much. */
const MAX_KEY_LENGTH = 1024
/** Of a name in a folder. */
const MAX_PART_LENGTH = 255

/** Throws for a key that could lead out of the store, or that another store could not take. */
export function checkKey(key: string): void {
  const isSound = key.length <= MAX_KEY_LENGTH && key.split('/').every(isKeyPart)
  if (!isSound) throw new Error(`${JSON.stringify(key.slice(0, 100))} cannot be the key of an object`)
}

/** A key's beginning: whole parts, and perhaps some of the next. Empty: every key has it. */
export function checkPrefix(prefix: string): void {
  const parts = prefix.split('/')
  const rest = parts.pop()!
  const isSound =
    prefix.length <= MAX_KEY_LENGTH && parts.every(isKeyPart) && (rest === '' || isKeyPart(rest))
  if (!isSound) throw new Error(`${JSON.stringify(prefix.slice(0, 100))} cannot begin the key of an object`)
}

/** Of a key: what stands between its slashes. */
export function isKeyPart(text: string): boolean {
  return text.length <= MAX_PART_LENGTH && PART.test(text)
}
