/** Who may speak in the chat, how often, and what is looked at before it is shown. */
import { useState } from 'preact/hooks'
import { type ApiOutputs, messageOf } from '../../client/index.ts'
import { api, useAction, useQuery } from '../api.ts'
import { ErrorText } from '../layout.tsx'
import type { ChatPartProps } from './chat-section.tsx'

type Rules = ApiOutputs['chat']['settings']

const SLOW_SECONDS = [0, 3, 5, 10, 30, 60, 120, 300]
const FOLLOWED_MINUTES = [null, 0, 10, 60, 1_440, 10_080]
const DAYS = [1, 7, 30, 90, 365, null]

export function ChatRules({ channel }: ChatPartProps) {
  const { slug } = channel
  const rules = useQuery(`chat rules ${slug}`, () => api.chat.settings.query({ slug }))
  if (!rules.data) return <ErrorText>{rules.error ? messageOf(rules.error) : ''}</ErrorText>
  return <RulesForm slug={slug} stored={rules.data} />
}

function RulesForm({ slug, stored }: { slug: string; stored: Rules }) {
  const [rules, setRules] = useState(stored)
  const [words, setWords] = useState(stored.blockedWords.join('\n'))
  const [isSaved, setIsSaved] = useState(false)
  const choose = (changes: Partial<Rules>) => {
    setRules({ ...rules, ...changes })
    setIsSaved(false)
  }
  const save = useAction(async () => {
    const blockedWords = [...new Set(words.split('\n').map(word => word.trim()))].filter(Boolean)
    const saved = await api.chat.updateSettings.mutate({ slug, ...rules, blockedWords })
    setRules(saved)
    setWords(saved.blockedWords.join('\n'))
    setIsSaved(true)
  })
  const submit = (event: Event) => {
    event.preventDefault()
    save.run()
  }
  return (
    <form class="settings" onSubmit={submit} onInput={() => setIsSaved(false)}>
      <Speakers rules={rules} choose={choose} />
      <Contents rules={rules} choose={choose} words={words} setWords={setWords} />
      <ErrorText>{save.error}</ErrorText>
      <div class="row">
        <button class="button quiet" type="submit" disabled={save.isBusy}>
          Save rules
        </button>
        <span class="muted small" role="status">
          {isSaved ? 'Saved. They hold from now on.' : ''}
        </span>
      </div>
    </form>
  )
}

interface RulesProps {
  readonly rules: Rules
  readonly choose: (changes: Partial<Rules>) => void
}

function Speakers({ rules, choose }: RulesProps) {
  return (
    <>
      <div class="chat-fields">
        <Pick
          label="Slow mode"
          hint="Between two messages of one person"
          value={rules.slowModeSeconds}
          options={SLOW_SECONDS}
          nameOf={seconds => (seconds === 0 ? 'Off' : spell(seconds, 60, 'second', 'minute'))}
          onChange={slowModeSeconds => choose({ slowModeSeconds })}
        />
        <Pick
          label="Followers only"
          hint="How long they must have followed"
          value={rules.followersOnlyMinutes}
          options={FOLLOWED_MINUTES}
          nameOf={followedText}
          onChange={followersOnlyMinutes => choose({ followersOnlyMinutes })}
        />
      </div>
      <Check
        label="Guests read only"
        hint="Who is not signed in may not speak."
        isOn={rules.isSignedInOnly}
        onChange={isSignedInOnly => choose({ isSignedInOnly })}
      />
      <Check
        label="Look at everybody’s first message"
        hint="It waits until you or a moderator let it through."
        isOn={rules.isFirstMessageHeld}
        onChange={isFirstMessageHeld => choose({ isFirstMessageHeld })}
      />
    </>
  )
}

interface ContentsProps extends RulesProps {
  readonly words: string
  readonly setWords: (words: string) => void
}

function Contents({ rules, choose, words, setWords }: ContentsProps) {
  const links = { allow: 'Are shown', hold: 'Wait for review', refuse: 'Are refused' }
  const actions = { refuse: 'Are refused', hold: 'Wait for review' }
  return (
    <>
      <label>
        Blocked words
        <textarea
          rows={4}
          spellcheck={false}
          placeholder={'One on each line\n* stands for any letters: spam*'}
          value={words}
          onInput={event => setWords(event.currentTarget.value)}
        />
        <small>Spacing and l33t are seen through. Only you and your moderators see this list.</small>
      </label>
      <div class="chat-fields">
        <Pick
          label="Messages with a blocked word"
          value={rules.wordAction}
          options={['refuse', 'hold'] as const}
          nameOf={action => actions[action]}
          onChange={wordAction => choose({ wordAction })}
        />
        <Pick
          label="Messages with a link"
          value={rules.links}
          options={['allow', 'hold', 'refuse'] as const}
          nameOf={policy => links[policy]}
          onChange={policy => choose({ links: policy })}
        />
        <Pick
          label="Messages are kept for"
          hint="Those of a stream that has become a video stay with it."
          value={rules.retentionDays}
          options={DAYS}
          nameOf={days => (days === null ? 'Ever' : `${days} ${days === 1 ? 'day' : 'days'}`)}
          onChange={retentionDays => choose({ retentionDays })}
        />
      </div>
    </>
  )
}

interface PickProps<T> {
  readonly label: string
  readonly hint?: string
  readonly value: T
  readonly options: readonly T[]
  readonly nameOf: (value: T) => string
  readonly onChange: (value: T) => void
}

/** A value that a command has set and that is none of the options is one more. */
function Pick<T>({ label, hint, value, options, nameOf, onChange }: PickProps<T>) {
  const all = options.includes(value) ? options : [value, ...options]
  return (
    <label>
      {label}
      <select
        value={String(all.indexOf(value))}
        onChange={event => onChange(all[Number(event.currentTarget.value)]!)}
      >
        {all.map((each, index) => (
          <option key={String(each)} value={String(index)}>
            {nameOf(each)}
          </option>
        ))}
      </select>
      {hint && <small>{hint}</small>}
    </label>
  )
}

interface CheckProps {
  readonly label: string
  readonly hint: string
  readonly isOn: boolean
  readonly onChange: (isOn: boolean) => void
}

function Check({ label, hint, isOn, onChange }: CheckProps) {
  return (
    <div class="choice">
      <label>
        <input type="checkbox" checked={isOn} onChange={event => onChange(event.currentTarget.checked)} />
        <span>
          {label}
          <small>{hint}</small>
        </span>
      </label>
    </div>
  )
}

function followedText(minutes: number | null): string {
  if (minutes === null) return 'Off'
  if (minutes === 0) return 'Any follower'
  return minutes % 1_440 === 0
    ? spell(minutes / 1_440, Number.POSITIVE_INFINITY, 'day', '')
    : spell(minutes, 60, 'minute', 'hour')
}

/** `90 seconds`, `2 minutes`: in the larger unit where that is exact. */
function spell(count: number, larger: number, unit: string, largerUnit: string): string {
  const isExact = count >= larger && count % larger === 0
  const [shown, name] = isExact ? [count / larger, largerUnit] : [count, unit]
  return `${shown} ${name}${shown === 1 ? '' : 's'}`
}
