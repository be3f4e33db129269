/** What goes into OBS. The stream key is not on the page until it is asked for. */
import { useState } from 'preact/hooks'
import { messageOf } from '../../client/index.ts'
import { api, useAction, useQuery } from '../api.ts'
import { Icon } from '../icon.tsx'
import { ErrorText } from '../layout.tsx'
import { Confirm } from './confirm.tsx'

export function ObsSettings({ channelId, isLive }: { channelId: string; isLive: boolean }) {
  const ingest = useQuery(channelId, () => api.channels.streamKey.query({ channelId }))
  const [isShown, setIsShown] = useState(false)
  const rotate = useAction(async () => {
    await api.channels.rotateStreamKey.mutate({ channelId })
    await ingest.reload()
  })
  const { ingestUrl = '', secureIngestUrl, streamKey = '' } = ingest.data ?? {}
  return (
    <section class="panel" aria-labelledby="obs-heading">
      <h2 id="obs-heading">Settings for OBS</h2>
      <p class="muted">Settings → Stream → Service: Custom…</p>
      <CopyField id="obs-server" label="Server" value={ingestUrl} />
      {secureIngestUrl && <CopyField id="obs-secure" label="Or, encrypted" value={secureIngestUrl} />}
      <CopyField id="obs-key" label="Stream key" value={streamKey} isHidden={!isShown}>
        <button
          type="button"
          class="button quiet"
          aria-pressed={isShown}
          onClick={() => setIsShown(!isShown)}
        >
          <Icon name="eye" /> {isShown ? 'Hide' : 'Show'}
        </button>
      </CopyField>
      <p class="muted small">
        Who has this key can stream as you. For the lowest delay: Output → Keyframe Interval 1 s, and
        bframes=0 in the x264 options or Max B-frames 0.
      </p>
      <ErrorText>{rotate.error ?? (ingest.error ? messageOf(ingest.error) : '')}</ErrorText>
      <Confirm
        label="New stream key…"
        question={`The old key stops working${isLive ? ', and the stream that runs ends' : ''}. Make a new one?`}
        answer="Make a new key"
        isBusy={rotate.isBusy}
        onConfirm={rotate.run}
      />
    </section>
  )
}

interface CopyFieldProps {
  readonly id: string
  readonly label: string
  readonly value: string
  readonly isHidden?: boolean
  readonly children?: preact.ComponentChildren
}

function CopyField({ id, label, value, isHidden = false, children }: CopyFieldProps) {
  const [isCopied, setIsCopied] = useState(false)
  const copyValue = async () => {
    setIsCopied(await copy(value))
    setTimeout(() => setIsCopied(false), 2_000)
  }
  return (
    <div class="copy-field">
      <label for={id}>{label}</label>
      <div class="row nowrap">
        <input
          id={id}
          readOnly
          value={isHidden ? '•'.repeat(20) : value}
          onFocus={event => event.currentTarget.select()}
        />
        {children}
        <button type="button" class="button quiet" disabled={!value} onClick={copyValue}>
          <Icon name="copy" /> {isCopied ? 'Copied' : 'Copy'}
        </button>
        <span class="visually-hidden" role="status">
          {isCopied ? `${label} copied` : ''}
        </span>
      </div>
    </div>
  )
}

/** The clipboard API needs https or localhost; elsewhere the selection is copied as of old. */
async function copy(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    const isDone = await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    )
    if (isDone) return true
  }
  const field = document.createElement('textarea')
  field.value = text
  field.className = 'visually-hidden'
  document.body.append(field)
  field.select()
  const isDone = document.execCommand('copy')
  field.remove()
  return isDone
}
