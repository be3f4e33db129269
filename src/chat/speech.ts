/** How somebody's words become a message of a room: they are judged, made into it, and stored. */
import type { Chatter, Said } from './chat.ts'
import type { ChatMessage } from './events.ts'
import { checkVoice, type Gate, type Verdict } from './gate.ts'
import type { NewMessage } from './repository.ts'
import type { HeldRoom } from './room.ts'
import { keyOf, type RoomLog } from './room-log.ts'
import type { RoomParts } from './room-parts.ts'
import { parseCommand } from './rules/commands.ts'
import { normalizeText } from './rules/text.ts'

export interface SpeechOptions {
  readonly room: HeldRoom
  readonly parts: RoomParts
  readonly gate: Gate
  readonly log: RoomLog
}

export class Speech {
  readonly #options: SpeechOptions

  constructor(options: SpeechOptions) {
    this.#options = options
  }

  /** Throws as `Room.say`. */
  async say(chatter: Chatter, said: { text: string; replyTo?: string | undefined }): Promise<Said> {
    const { room, parts, gate } = this.#options
    parts.limits.take(chatter, parts.now())
    const text = normalizeText(said.text)
    const rank = await room.rankOf(chatter)
    const now = parts.now()
    const command = parseCommand(text)
    if (command) {
      checkVoice(rank, gate.settings, now)
      return { outcome: 'done', text: await parts.runCommand(room, chatter.account, command) }
    }
    const { verdict, undo } = await gate.judge(rank, text, now)
    try {
      const { channelId } = room
      const replyTo = await this.#excerpt(said.replyTo, chatter, verdict)
      const streamId = await parts.findStreamId(channelId)
      const draft = { channelId, streamId, rank, address: chatter.address, text, replyTo }
      const { stored, shown } = await parts.composer.compose({ ...draft, sentAt: new Date(now) })
      return await this.#record(verdict, stored, shown)
    } catch (error) {
      undo()
      throw error
    }
  }

  /** What is answered; of what only its author sees, nothing to others. */
  async #excerpt(id: string | undefined, reader: Chatter, verdict: Verdict): Promise<ChatMessage['replyTo']> {
    if (id === undefined) return null
    const { message, isHidden } = await this.#options.log.getVisible(id, reader)
    if (isHidden && verdict !== 'hide') return null
    return { id, username: message.author.username, text: message.text }
  }

  async #record(verdict: Verdict, stored: NewMessage, shown: ChatMessage): Promise<Said> {
    const { room, parts, log } = this.#options
    if (verdict === 'show') {
      const message = await log.write(stored, shown)
      parts.onSent()
      return { outcome: 'sent', message }
    }
    if (verdict === 'hide') {
      await parts.repository.insertUnplaced(room.channelId, stored, 'hidden')
      await room.spread({ type: 'hidden', message: shown, author: keyOf(stored) })
      return { outcome: 'hidden', message: shown }
    }
    await parts.repository.insertUnplaced(room.channelId, stored, 'held', verdict.hold)
    await room.spread({ type: 'moderators', event: { type: 'held', message: shown, reason: verdict.hold } })
    return { outcome: 'held', text: 'Your message waits for a moderator.' }
  }
}
