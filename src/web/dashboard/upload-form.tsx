/** Adds a video from a file, and shows how far it has got. */
import { useRef, useState } from 'preact/hooks'
import { uploadFile } from '../../client/index.ts'
import { api, useAction } from '../api.ts'
import { ErrorText } from '../layout.tsx'
import { TitleField } from './channel-form.tsx'

export function UploadForm({ channelId, onSent }: { channelId: string; onSent: () => Promise<void> }) {
  const [file, setFile] = useState<File>()
  const [title, setTitle] = useState('')
  const [share, setShare] = useState<number>()
  const stopping = useRef<AbortController>(undefined)
  const chooser = useRef<HTMLInputElement>(null)
  const send = useAction(async () => {
    if (!file) return
    const stop = new AbortController()
    stopping.current = stop
    const input = { channelId, sizeBytes: file.size, title: title || file.name }
    const { vodId, uploadUrl } = await api.uploads.create.mutate(input)
    try {
      setShare(0)
      const url = new URL(uploadUrl, location.href).href
      await uploadFile({ file, url, onProgress: setShare, signal: stop.signal })
      setFile(undefined)
      setTitle('')
      if (chooser.current) chooser.current.value = ''
    } catch (error) {
      if (!stop.signal.aborted) throw error
      // Nothing would ever come of it.
      await api.vods.delete.mutate({ id: vodId })
    } finally {
      setShare(undefined)
      await onSent()
    }
  })
  const choose = (chosen: File | undefined) => {
    setFile(chosen)
    if (chosen && title === '') setTitle(chosen.name.replace(/\.\w{1,5}$/, ''))
  }
  const submit = (event: Event) => {
    event.preventDefault()
    send.run()
  }
  return (
    <form class="vod-edit" onSubmit={submit} aria-label="Add a video">
      <label>
        Video file
        <input
          ref={chooser}
          type="file"
          accept="video/*,.mkv,.ts,.mxf"
          disabled={send.isBusy}
          onChange={event => choose(event.currentTarget.files?.[0])}
        />
      </label>
      {file && <TitleField value={title} onInput={setTitle} />}
      {share !== undefined && (
        <div class="row">
          <progress aria-label="Sent" max={1} value={share} />
          <span role="status">{Math.floor(100 * share)} %</span>
          <button type="button" class="button quiet" onClick={() => stopping.current?.abort()}>
            Stop
          </button>
        </div>
      )}
      <ErrorText>{send.error}</ErrorText>
      {file && share === undefined && (
        <button class="button" type="submit" disabled={send.isBusy}>
          Add video
        </button>
      )}
    </form>
  )
}
