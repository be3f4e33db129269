/** The streamer's page: who is not signed in signs in, who has no channel makes one, everybody else goes live. */
import { useState } from 'preact/hooks'
import { type Account, api, type Channel, useAction, useQuery } from '../api.ts'
import { ErrorText, Layout } from '../layout.tsx'
import { ChannelForm } from './channel-form.tsx'
import { ChannelPanel } from './channel-panel.tsx'
import { SignInForm } from './sign-in-form.tsx'

const TO_STREAM = {
  known: 'To stream, or to look after your channel.',
  isNew: 'Then name a channel, and you can go live.',
}

export function DashboardPage() {
  const me = useQuery('me', () => api.auth.me.query())
  const signOut = useAction(async () => {
    await api.auth.signOut.mutate()
    await me.reload()
  })
  if (me.data === undefined)
    return (
      <Layout account={<span />}>
        <ErrorText>{me.error ? 'The server cannot be reached. Reload the page to try again.' : ''}</ErrorText>
      </Layout>
    )
  if (me.data === null)
    return (
      <Layout account={<span />}>
        <SignInForm onSignedIn={me.reload} reasons={TO_STREAM} />
      </Layout>
    )
  const account = (
    <span class="account">
      <span class="muted">{me.data.username}</span>
      <button type="button" class="button quiet" disabled={signOut.isBusy} onClick={signOut.run}>
        Sign out
      </button>
    </span>
  )
  return (
    <Layout account={account}>
      <ErrorText>{signOut.error}</ErrorText>
      <Channels account={me.data} />
    </Layout>
  )
}

function Channels({ account }: { account: Account }) {
  const mine = useQuery(`channels ${account.id}`, () => api.channels.mine.query())
  const [chosen, setChosen] = useState(location.hash.slice(1))
  const [isAdding, setIsAdding] = useState(false)
  const channels = mine.data?.items
  if (!channels)
    return <ErrorText>{mine.error ? 'Your channels cannot be loaded. Reload the page.' : ''}</ErrorText>
  const choose = (slug: string) => {
    history.replaceState(null, '', `#${slug}`)
    setChosen(slug)
    setIsAdding(false)
  }
  const created = async (slug: string) => {
    await mine.reload()
    choose(slug)
  }
  const channel = channels.find(each => each.slug === chosen) ?? channels[0]
  if (!channel || isAdding)
    return (
      <ChannelForm
        suggestion={channel ? '' : account.username}
        onCreated={created}
        {...(channel && { onCancel: () => setIsAdding(false) })}
      />
    )
  return (
    <>
      <ChannelHead channel={channel} channels={channels} choose={choose} add={() => setIsAdding(true)} />
      <ChannelPanel key={channel.id} channel={channel} reload={mine.reload} />
    </>
  )
}

interface ChannelHeadProps {
  readonly channel: Channel
  readonly channels: readonly Channel[]
  readonly choose: (slug: string) => void
  readonly add: () => void
}

function ChannelHead({ channel, channels, choose, add }: ChannelHeadProps) {
  return (
    <div class="page-head">
      <h1>{channel.slug}</h1>
      <a href={`/${channel.slug}`}>Open the channel’s page</a>
      <span class="spacer" />
      {channels.length > 1 && (
        <select
          aria-label="Channel"
          value={channel.slug}
          onChange={event => choose(event.currentTarget.value)}
        >
          {channels.map(each => (
            <option key={each.id} value={each.slug}>
              {each.slug}
            </option>
          ))}
        </select>
      )}
      <button type="button" class="button quiet" onClick={add}>
        New channel
      </button>
    </div>
  )
}
