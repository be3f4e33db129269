/** What the owner decides about publishers: a second one, the backup's return, and limits on what comes in. */
import { useState } from 'preact/hooks'
import { type ApiOutputs, messageOf } from '../../client/index.ts'
import { api, useAction, useQuery } from '../api.ts'
import { ErrorText } from '../layout.tsx'
import { Choice, type Option } from './choice.tsx'
import { LimitFields, limitsOf, textsOf } from './limit-fields.tsx'

type Settings = ApiOutputs['channels']['settings']
type Policies = Pick<Settings, 'secondPublisher' | 'backupReturn' | 'onBreach'>

export function SettingsPanel({ channelId }: { channelId: string }) {
  const settings = useQuery(`settings ${channelId}`, () => api.channels.settings.query({ channelId }))
  return (
    <section class="panel later" aria-labelledby="settings-heading">
      <h2 id="settings-heading">Rules for encoders</h2>
      <ErrorText>{settings.error ? messageOf(settings.error) : ''}</ErrorText>
      {settings.data && <SettingsForm channelId={channelId} settings={settings.data} />}
    </section>
  )
}

function SettingsForm({ channelId, settings }: { channelId: string; settings: Settings }) {
  const { instance, ingestLimits, ...current } = settings
  const [policies, setPolicies] = useState<Policies>(current)
  const [texts, setTexts] = useState(() => textsOf(ingestLimits, instance.limits))
  const [isSaved, setIsSaved] = useState(false)
  const save = useAction(async () => {
    const changes = { ...policies, ingestLimits: limitsOf(texts, instance.limits) }
    await api.channels.updateSettings.mutate({ channelId, ...changes })
    setIsSaved(true)
  })
  const choose = (changes: Partial<Policies>) => {
    setPolicies({ ...policies, ...changes })
    setIsSaved(false)
  }
  const submit = (event: Event) => {
    event.preventDefault()
    save.run()
  }
  return (
    <form class="settings" onSubmit={submit} onInput={() => setIsSaved(false)}>
      <PolicyChoices policies={policies} choose={choose} />
      <details open={Object.keys(ingestLimits).length > 0}>
        <summary>Limits on what an encoder sends</summary>
        <p class="muted small">
          An empty field is no limit of yours; a grey figure is the server’s own, which holds for everybody.
        </p>
        <LimitFields texts={texts} instance={instance.limits} onChange={setTexts} />
        <Choice
          legend="An encoder beyond a limit"
          value={policies.onBreach}
          options={BREACH}
          onChange={onBreach => choose({ onBreach })}
        />
        {instance.onBreach === 'refuse' && Object.keys(instance.limits).length > 0 && (
          <p class="muted small">Beyond the server’s limits it is disconnected in any case.</p>
        )}
      </details>
      <ErrorText>{save.error}</ErrorText>
      <div class="row">
        <button class="button quiet" type="submit" disabled={save.isBusy}>
          Save rules
        </button>
        <span class="muted small" role="status">
          {isSaved ? 'Saved. They count from the next connection on.' : ''}
        </span>
      </div>
    </form>
  )
}

interface PolicyChoicesProps {
  readonly policies: Policies
  readonly choose: (changes: Partial<Policies>) => void
}

function PolicyChoices({ policies, choose }: PolicyChoicesProps) {
  return (
    <>
      <Choice
        legend="A second encoder with your key, while the first one streams"
        value={policies.secondPublisher}
        options={SECOND}
        onChange={secondPublisher => choose({ secondPublisher })}
      />
      <Choice
        legend="Your main encoder, back while the backup is on air"
        value={policies.backupReturn}
        options={RETURN}
        onChange={backupReturn => choose({ backupReturn })}
      />
    </>
  )
}

const SECOND: readonly Option<Policies['secondPublisher']>[] = [
  { value: 'reject', label: 'is refused', hint: 'Nobody can push you off the air by mistake.' },
  {
    value: 'takeover',
    label: 'takes over',
    hint: 'The first one is disconnected, and viewers stay. For moving to another computer.',
  },
]
const RETURN: readonly Option<Policies['backupReturn']>[] = [
  { value: 'automatic', label: 'takes over again', hint: 'As soon as it has been steady for a few seconds.' },
  { value: 'manual', label: 'waits', hint: 'Viewers see the backup until you switch on this page.' },
]
const BREACH: readonly Option<Policies['onBreach']>[] = [
  { value: 'refuse', label: 'is disconnected', hint: 'OBS and this page say which setting to change.' },
  { value: 'warn', label: 'goes on', hint: 'This page only warns.' },
]
