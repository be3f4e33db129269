/** What the owner decides about viewers: who may watch, what streams become, who may cut clips. */
import { useState } from 'preact/hooks'
import { type ApiOutputs, messageOf } from '../../client/index.ts'
import { api, useAction, useQuery } from '../api.ts'
import { ErrorText } from '../layout.tsx'
import { Choice, type Option } from './choice.tsx'
import { ShareLinks } from './share-links.tsx'

type Settings = ApiOutputs['channels']['settings']
type Publishing = Pick<Settings, 'visibility' | 'vodVisibility' | 'clipsBy' | 'vodRetentionDays'>

export function PublishingPanel({ channelId }: { channelId: string }) {
  const settings = useQuery(`publishing ${channelId}`, () => api.channels.settings.query({ channelId }))
  return (
    <section class="panel later" aria-labelledby="publishing-heading">
      <h2 id="publishing-heading">Who may watch</h2>
      <ErrorText>{settings.error ? messageOf(settings.error) : ''}</ErrorText>
      {settings.data && (
        <PublishingForm channelId={channelId} settings={settings.data} reload={settings.reload} />
      )}
      {settings.data?.visibility === 'private' && <ShareLinks channelId={channelId} />}
    </section>
  )
}

interface PublishingFormProps {
  readonly channelId: string
  readonly settings: Settings
  readonly reload: () => Promise<void>
}

function PublishingForm({ channelId, settings, reload }: PublishingFormProps) {
  const { visibility, vodVisibility, clipsBy, vodRetentionDays } = settings
  const [chosen, setChosen] = useState<Publishing>({ visibility, vodVisibility, clipsBy, vodRetentionDays })
  const [isSaved, setIsSaved] = useState(false)
  const save = useAction(async () => {
    await api.channels.updateSettings.mutate({ channelId, ...chosen })
    setIsSaved(true)
    await reload()
  })
  const choose = (changes: Partial<Publishing>) => {
    setChosen({ ...chosen, ...changes })
    setIsSaved(false)
  }
  const submit = (event: Event) => {
    event.preventDefault()
    save.run()
  }
  const days = chosen.vodRetentionDays
  return (
    <form class="settings" onSubmit={submit}>
      <Choice
        legend="Your live streams"
        value={chosen.visibility}
        options={LIVE}
        onChange={value => choose({ visibility: value })}
      />
      <Choice
        legend="A stream that has ended"
        value={chosen.vodVisibility}
        options={VODS}
        onChange={value => choose({ vodVisibility: value })}
      />
      {chosen.vodVisibility !== 'off' && (
        <label>
          Kept for so many days
          <input
            type="number"
            min={1}
            max={36_500}
            placeholder="for ever"
            value={days ?? ''}
            onInput={event => {
              const value = Number(event.currentTarget.value)
              choose({ vodRetentionDays: value > 0 ? value : null })
            }}
          />
        </label>
      )}
      <Choice
        legend="Clips may be cut by"
        value={chosen.clipsBy}
        options={CLIPS}
        onChange={value => choose({ clipsBy: value })}
      />
      <ErrorText>{save.error}</ErrorText>
      <div class="row">
        <button class="button quiet" type="submit" disabled={save.isBusy}>
          Save
        </button>
        <span class="muted small" role="status">
          {isSaved ? 'Saved' : ''}
        </span>
      </div>
    </form>
  )
}

const LIVE: readonly Option<Publishing['visibility']>[] = [
  { value: 'public', label: 'are public', hint: 'Everybody may watch, and finds them in the list.' },
  { value: 'unlisted', label: 'are unlisted', hint: 'Whoever has the address may watch.' },
  {
    value: 'private',
    label: 'are private',
    hint: 'For your moderators, VIPs and subscribers, and by links of yours.',
  },
]
const VODS: readonly Option<Publishing['vodVisibility']>[] = [
  { value: 'public', label: 'becomes a public video', hint: 'It is there when the stream ends.' },
  { value: 'unlisted', label: 'becomes an unlisted video', hint: 'For whoever has its address.' },
  { value: 'private', label: 'becomes a private video', hint: 'For you to look at first.' },
  {
    value: 'off',
    label: 'leaves nothing behind',
    hint: 'It can be rewound while it is live, and is gone then.',
  },
]
const CLIPS: readonly Option<Publishing['clipsBy']>[] = [
  { value: 'everyone', label: 'everyone', hint: 'Who is signed in.' },
  { value: 'followers', label: 'followers', hint: 'Who follows the channel.' },
  { value: 'members', label: 'members', hint: 'Moderators, VIPs and subscribers.' },
  { value: 'nobody', label: 'nobody', hint: 'But you and your moderators.' },
]
