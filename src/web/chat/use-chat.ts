/** A room for as long as a component shows it, and its state. */
import { useEffect, useState } from 'preact/hooks'
import { createChat } from '../../client/index.ts'
import { readChatters, readHeld, readHistory } from './chat-api.ts'
import { ChatRoom, type RoomState } from './chat-room.ts'

/** Undefined at first. `identity`: who is signed in; another one connects anew. */
export function useChatRoom(slug: string, identity: string): ChatRoom | undefined {
  const [room, setRoom] = useState<ChatRoom>()
  useEffect(() => {
    const opened = new ChatRoom({
      client: createChat({ url: location.origin, slug }),
      history: cursor => readHistory(slug, cursor),
      chatters: () => readChatters(slug),
      held: () => readHeld(slug),
    })
    setRoom(opened)
    return () => opened.close()
  }, [slug, identity])
  return room
}

export function useRoomState(room: ChatRoom): RoomState {
  const [state, setState] = useState(room.state)
  useEffect(() => {
    const show = () => setState(room.state)
    show()
    return room.subscribe(show)
  }, [room])
  return state
}

/** Milliseconds since the epoch, each second until `until`. */
export function useClock(until: number): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    setNow(Date.now())
    if (until <= Date.now()) return
    const timer = setInterval(() => {
      setNow(Date.now())
      if (Date.now() >= until) clearInterval(timer)
    }, 250)
    return () => clearInterval(timer)
  }, [until])
  return now
}
