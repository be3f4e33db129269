/** One channel of the streamer: what comes in now, the settings for OBS, title and end of the stream. */
import { useState } from 'preact/hooks'
import { api, type Channel, type StreamHealth, useAction, useQuery } from '../api.ts'
import { ErrorText, LivePill, ViewerCount } from '../layout.tsx'
import { PlayerView } from '../player-view.tsx'
import { TitleField } from './channel-form.tsx'
import { ChatSection } from './chat-section.tsx'
import { Confirm } from './confirm.tsx'
import { HealthPanel } from './health-panel.tsx'
import { ObsSettings } from './obs-settings.tsx'
import { PublishingPanel } from './publishing-panel.tsx'
import { RefusalNotice } from './refusal-notice.tsx'
import { SettingsPanel } from './settings-panel.tsx'
import { VideosSection } from './videos-section.tsx'

const HEALTH_MS = 2_000

type Running = Exclude<StreamHealth, { status: 'offline' }>

export function ChannelPanel({ channel, reload }: { channel: Channel; reload: () => Promise<void> }) {
  const health = useQuery(channel.slug, () => api.streams.health.query({ slug: channel.slug }), HEALTH_MS)
  const running = health.data && health.data.status !== 'offline' ? health.data : undefined
  return (
    <div class="dashboard">
      <div class="column">
        <Preview channel={channel} running={running} isKnown={health.data !== undefined} />
        <p class="notice-line" role="status">
          {health.error ? 'The state of the stream cannot be loaded. Trying again…' : ''}
        </p>
        <RefusalNotice refusal={health.data?.lastRefusal} />
        {running && (
          <HealthPanel health={running.health} publishers={running.publishers} delays={running.delays} />
        )}
        <VideosSection channel={channel} />
        <ChatSection channel={channel} />
      </div>
      <div class="column">
        {running && <StreamPanel running={running} reload={health.reload} />}
        <TitlePanel channel={channel} streamId={running?.streamId} reload={reload} />
        <ObsSettings channelId={channel.id} isLive={running !== undefined} />
        <PublishingPanel channelId={channel.id} />
        <SettingsPanel channelId={channel.id} />
      </div>
    </div>
  )
}

interface PreviewProps {
  readonly channel: Channel
  readonly running: Running | undefined
  readonly isKnown: boolean
}

function Preview({ channel, running, isKnown }: PreviewProps) {
  if (running && running.status !== 'starting') return <PlayerView slug={channel.slug} isMuted />
  const text = running ? 'Waiting for the first picture…' : 'Nothing comes in yet'
  return (
    <div class="player">
      <div class="overlay full" role="status">
        {isKnown && (
          <>
            <strong>{text}</strong>
            {!running && (
              <span>Enter the settings in OBS and start streaming: the preview starts by itself.</span>
            )}
          </>
        )}
      </div>
    </div>
  )
}

function StreamPanel({ running, reload }: { running: Running; reload: () => Promise<void> }) {
  const end = useAction(async () => {
    await api.streams.end.mutate({ id: running.streamId })
    await reload()
  })
  const words = { starting: 'Starting', live: 'Live', reconnecting: 'Reconnecting' }
  return (
    <section class="panel" aria-label="Stream">
      <div class="row">
        <LivePill>{words[running.status]}</LivePill>
        <ViewerCount count={running.viewerCount} />
        <span class="spacer" />
        <Confirm
          label="End stream"
          question="End the stream and disconnect OBS?"
          answer="End it"
          isBusy={end.isBusy}
          onConfirm={end.run}
        />
      </div>
      <ErrorText>{end.error}</ErrorText>
      {running.publishers
        .filter(publisher => !publisher.isActive)
        .map(({ role }) => (
          <SwitchButton key={role} streamId={running.streamId} role={role} reload={reload} />
        ))}
    </section>
  )
}

interface SwitchButtonProps {
  readonly streamId: string
  readonly role: Running['publishers'][number]['role']
  readonly reload: () => Promise<void>
}

/** Lets the encoder that stands by feed the stream. */
function SwitchButton({ streamId, role, reload }: SwitchButtonProps) {
  const change = useAction(async () => {
    await api.streams.prefer.mutate({ id: streamId, role })
    await reload()
  })
  return (
    <>
      <button type="button" class="button quiet" disabled={change.isBusy} onClick={change.run}>
        Switch to {role === 'primary' ? 'the main encoder' : 'the backup'}
      </button>
      <ErrorText>{change.error}</ErrorText>
    </>
  )
}

interface TitlePanelProps {
  readonly channel: Channel
  readonly streamId: string | undefined
  readonly reload: () => Promise<void>
}

/** The title of the channel, which new streams take, and of the stream that runs. */
function TitlePanel({ channel, streamId, reload }: TitlePanelProps) {
  const [title, setTitle] = useState(channel.title)
  const [savedTitle, setSavedTitle] = useState<string>()
  const save = useAction(async () => {
    await api.channels.update.mutate({ channelId: channel.id, title })
    if (streamId) await api.streams.update.mutate({ id: streamId, title })
    setSavedTitle(title)
    await reload()
  })
  const submit = (event: Event) => {
    event.preventDefault()
    save.run()
  }
  return (
    <form class="panel" onSubmit={submit}>
      <TitleField value={title} onInput={setTitle} />
      <ErrorText>{save.error}</ErrorText>
      <div class="row">
        <button class="button quiet" type="submit" disabled={save.isBusy}>
          Save title
        </button>
        <span class="muted" role="status">
          {savedTitle === title ? 'Saved' : ''}
        </span>
      </div>
    </form>
  )
}
