/** Sends, says why something was refused, and counts down to when it may be tried again. */
import { useState } from 'preact/hooks'
import { ChatError } from '../../client/index.ts'
import type { ChatRoom, RoomState } from './chat-room.ts'
import { useClock } from './use-chat.ts'

export interface Sending {
  /** Answers whether it is on its way; then the field is empty again. */
  readonly send: (text: string, replyTo: string | undefined) => boolean
  readonly refusal: string
  /** Forgets the refusal. */
  readonly clear: () => void
  /** Whole seconds until the next message. */
  readonly waitSeconds: number
  readonly isReady: boolean
}

/** What slow mode does not slow. */
const trusted = ['owner', 'moderator', 'vip']

/** `onRefused` gets the text back. */
export function useSending(room: ChatRoom, state: RoomState, onRefused: (text: string) => void): Sending {
  const [refusal, setRefusal] = useState('')
  const [nextAt, setNextAt] = useState(0)
  const waitSeconds = Math.max(0, Math.ceil((nextAt - useClock(nextAt)) / 1000))
  const isReady = state.connection === 'open' && waitSeconds === 0
  const waitFor = (seconds: number) => setNextAt(Date.now() + seconds * 1000)
  const deliver = async (text: string, replyTo: string | undefined) => {
    try {
      const said = await room.client.send(text, { ...(replyTo && { replyTo }) })
      if (said.text) room.note(said.text)
      const { me, settings } = room.state
      const isSlowed = said.id !== undefined && !me?.badges.some(badge => trusted.includes(badge))
      if (isSlowed && settings && settings.slowModeSeconds > 0) waitFor(settings.slowModeSeconds)
    } catch (error) {
      if (!(error instanceof ChatError)) throw error
      setRefusal(error.message)
      if (error.retryAfterSeconds) waitFor(error.retryAfterSeconds)
      onRefused(text)
    }
  }
  const send = (text: string, replyTo: string | undefined) => {
    if (!isReady || text.trim() === '') return false
    setRefusal('')
    void deliver(text.trim(), replyTo)
    return true
  }
  return { send, refusal, clear: () => setRefusal(''), waitSeconds, isReady }
}
