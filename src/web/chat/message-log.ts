/** The messages of a room that a page holds: in the room's order, each once, and no more than fit. */
import type { ChatEvents } from '../../client/index.ts'

export type ChatMessage = ChatEvents['message']['message'] & {
  /** Of a replay: where on the video's time line. */
  readonly offsetMs?: number
}
export type LogEvent = ChatEvents['message' | 'deleted' | 'expelled' | 'cleared']

/** A message, or a line that says what happened in the room. */
export type Entry =
  | { readonly kind: 'message'; readonly key: string; readonly message: ChatMessage }
  | { readonly kind: 'note'; readonly key: string; readonly text: string }

/** What is kept while the newest are shown, and while somebody reads further up. */
const MAX_ENTRIES = { following: 1_500, reading: 3_000 }

export class MessageLog {
  #entries: readonly Entry[] = []
  #ids = new Set<string>()
  #notes = 0

  /** A new array after each change. */
  get entries(): readonly Entry[] {
    return this.#entries
  }

  /** Answers how many messages came in. While `isReading` more is kept, so that what is read stays. */
  apply(events: readonly LogEvent[], isReading: boolean): number {
    const added: Entry[] = []
    let count = 0
    for (const event of events) {
      if (event.type === 'message') {
        if (this.#ids.has(event.message.id)) continue
        this.#ids.add(event.message.id)
        added.push(entryOf(event.message))
        count++
      } else {
        this.#append(added.splice(0))
        this.#remove(event)
      }
    }
    this.#append(added)
    this.#trim(isReading ? MAX_ENTRIES.reading : MAX_ENTRIES.following)
    return count
  }

  /** Adds a line that only this page shows. */
  note(text: string): void {
    this.#append([{ kind: 'note', key: `note-${++this.#notes}`, text }])
  }

  /** Puts older messages before all; those that do not fit any more are left out. */
  prepend(messages: readonly ChatMessage[]): void {
    const room = Math.max(0, MAX_ENTRIES.reading - this.#entries.length)
    const fresh = messages.filter(({ id }) => !this.#ids.has(id)).slice(-room || messages.length)
    if (room === 0) return
    for (const { id } of fresh) this.#ids.add(id)
    this.#entries = [...fresh.map(entryOf), ...this.#entries]
  }

  get isFull(): boolean {
    return this.#entries.length >= MAX_ENTRIES.reading
  }

  /** Starts again with `messages`, oldest first. */
  reset(messages: readonly ChatMessage[]): void {
    this.#ids = new Set(messages.map(({ id }) => id))
    this.#entries = messages.map(entryOf)
  }

  #append(added: readonly Entry[]): void {
    if (added.length > 0) this.#entries = this.#entries.concat(added)
  }

  #remove(event: Exclude<LogEvent, { type: 'message' }>): void {
    switch (event.type) {
      case 'deleted':
        return this.#drop(({ id }) => id === event.id)
      case 'expelled': {
        const { account, seconds } = event
        this.#drop(({ author }) =>
          account.id ? author.id === account.id : author.id === null && author.username === account.username,
        )
        const what = seconds === undefined ? 'was banned' : `was timed out for ${durationText(seconds)}`
        return this.note(`${account.username} ${what}.`)
      }
      case 'cleared':
        this.reset([])
        return this.note('A moderator cleared the chat.')
      default:
        return event satisfies never
    }
  }

  /** What quotes a message that is gone does not quote it any more. */
  #drop(isGone: (message: ChatMessage) => boolean): void {
    const gone = new Set<string>()
    const kept = this.#entries.filter(entry => {
      if (entry.kind !== 'message' || !isGone(entry.message)) return true
      gone.add(entry.message.id)
      return false
    })
    this.#entries = kept.map(entry =>
      entry.kind === 'message' && entry.message.replyTo && gone.has(entry.message.replyTo.id)
        ? { ...entry, message: { ...entry.message, replyTo: null } }
        : entry,
    )
  }

  #trim(max: number): void {
    const excess = this.#entries.length - max
    if (excess <= 0) return
    for (const entry of this.#entries.slice(0, excess))
      if (entry.kind === 'message') this.#ids.delete(entry.message.id)
    this.#entries = this.#entries.slice(excess)
  }
}

function entryOf(message: ChatMessage): Entry {
  return { kind: 'message', key: message.id, message }
}

/** `10 minutes`, `1 day`. */
export function durationText(seconds: number): string {
  const units = [
    [86_400, 'day'],
    [3_600, 'hour'],
    [60, 'minute'],
  ] as const
  const [size, name] = units.find(([each]) => seconds >= each) ?? [1, 'second']
  const count = Math.round(seconds / size)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}
