/** The parts of a video's page by themselves: its comments, and its chat beside a player that the test moves. */
import '../../src/web/styles/base.css'
import '../../src/web/styles/dashboard.css'
import '../../src/web/styles/chat.css'
import '../../src/web/styles/chat-messages.css'
import '../../src/web/styles/chat-menu.css'
import '../../src/web/styles/chat-composer.css'
import '../../src/web/styles/comments.css'
import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { ReplayPosition } from '../../src/client/index.ts'
import { ChatReplay } from '../../src/web/chat/chat-replay.tsx'
import { Comments } from '../../src/web/comments/comments.tsx'

declare global {
  interface Window {
    movePlayer(position: ReplayPosition): void
  }
}

const VOD_ID = '0199c0de-0000-7000-8000-00000000000a'

function Replayed() {
  const [position, setPosition] = useState<ReplayPosition>({ positionMs: 0, isPlaying: false })
  useEffect(() => {
    window.movePlayer = setPosition
  }, [])
  return (
    <main class="chat-popout">
      <ChatReplay vodId={VOD_ID} {...position} />
    </main>
  )
}

const parts = { '/comments': () => <Comments vodId={VOD_ID} />, '/replay': () => <Replayed /> }
const Part = parts[location.pathname as keyof typeof parts]
render(location.pathname === '/comments' ? <main>{Part()}</main> : Part(), document.getElementById('app')!)
