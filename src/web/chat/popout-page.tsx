/** The chat alone, for a window beside the encoder or a second screen. */
import { useState } from 'preact/hooks'
import { reasonOf } from '../../client/index.ts'
import { api, useQuery } from '../api.ts'
import { ErrorText } from '../layout.tsx'
import { ChatPanel } from './chat-panel.tsx'
import { SignInDialog } from './sign-in-dialog.tsx'
import { useChatRoom } from './use-chat.ts'

export function PopoutPage({ slug }: { slug: string }) {
  const [signIns, setSignIns] = useState(0)
  const [isSigningIn, setIsSigningIn] = useState(false)
  const room = useChatRoom(slug, String(signIns))
  const channel = useQuery(slug, () => api.channels.get.query({ slug }))
  if (reasonOf(channel.error) === 'channel_not_found')
    return (
      <main class="chat-popout">
        <ErrorText>There is no channel “{slug}”.</ErrorText>
      </main>
    )
  return (
    <main class="chat-popout">
      <h1 class="visually-hidden">Chat of {slug}</h1>
      {room && (
        <ChatPanel
          slug={slug}
          channelId={channel.data?.id}
          room={room}
          onSignIn={() => setIsSigningIn(true)}
          tools={
            <a class="small" href={`/${slug}`} target="_blank" rel="noopener">
              {slug}
            </a>
          }
        />
      )}
      {isSigningIn && (
        <SignInDialog
          onSignedIn={async () => setSignIns(signIns + 1)}
          onClose={() => setIsSigningIn(false)}
        />
      )}
    </main>
  )
}
