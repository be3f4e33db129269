/** What the owner says of a video, who may watch it, and which picture stands for it. */
import { useState } from 'preact/hooks'
import { type ApiVod, api, useAction, useQuery } from '../api.ts'
import { clock } from '../clock-text.ts'
import { ErrorText } from '../layout.tsx'

const VISIBILITIES = [
  { value: 'public', name: 'Public: everybody, and listed' },
  { value: 'unlisted', name: 'Unlisted: who has the address' },
  { value: 'private', name: 'Private: members, and whom you give a link' },
] as const

export function VodEdit({ id, onSaved }: { id: string; onSaved: () => Promise<void> }) {
  const vod = useQuery(`edit ${id}`, () => api.vods.get.query({ id }))
  if (!vod.data) return <ErrorText>{vod.error ? 'It cannot be loaded. Reload the page.' : ''}</ErrorText>
  const saved = async () => {
    await Promise.all([vod.reload(), onSaved()])
  }
  return <EditForm vod={vod.data} onSaved={saved} />
}

function EditForm({ vod, onSaved }: { vod: ApiVod; onSaved: () => Promise<void> }) {
  const [title, setTitle] = useState(vod.title)
  const [description, setDescription] = useState(vod.description)
  const [tags, setTags] = useState(vod.tags.join(', '))
  const [visibility, setVisibility] = useState(vod.visibility)
  const [thumbnailMs, setThumbnailMs] = useState(vod.thumbnailMs)
  const [isSaved, setIsSaved] = useState(false)
  const save = useAction(async () => {
    setIsSaved(false)
    const list = tags.split(',').map(tag => tag.trim())
    const changes = { title, description, tags: list.filter(Boolean), visibility, thumbnailMs }
    await api.vods.update.mutate({ id: vod.id, ...changes })
    await onSaved()
    setIsSaved(true)
  })
  const submit = (event: Event) => {
    event.preventDefault()
    save.run()
  }
  return (
    <form class="vod-edit" onSubmit={submit} aria-label={`Edit ${vod.title}`}>
      <label>
        Title
        <input
          value={title}
          required
          maxLength={140}
          onInput={event => setTitle(event.currentTarget.value)}
        />
      </label>
      <label>
        Description
        <textarea
          value={description}
          rows={4}
          maxLength={5_000}
          onInput={event => setDescription(event.currentTarget.value)}
        />
      </label>
      <label>
        Tags, with commas between
        <input value={tags} onInput={event => setTags(event.currentTarget.value)} />
      </label>
      <label>
        Who may watch
        <select
          value={visibility}
          onChange={event => setVisibility(event.currentTarget.value as ApiVod['visibility'])}
        >
          {VISIBILITIES.map(({ value, name }) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
          {vod.status === 'recording' && <option value="off">Nobody: it goes when the stream ends</option>}
        </select>
      </label>
      {vod.thumbnailCandidates.length > 0 && (
        <fieldset>
          <legend>Picture</legend>
          <div class="candidates">
            {vod.thumbnailCandidates.map(({ offsetMs, url }) => (
              <button
                key={offsetMs}
                type="button"
                aria-pressed={thumbnailMs === offsetMs}
                aria-label={`The picture at ${clock(offsetMs)}`}
                onClick={() => setThumbnailMs(offsetMs)}
              >
                <img src={url} alt="" loading="lazy" />
              </button>
            ))}
          </div>
        </fieldset>
      )}
      <ErrorText>{save.error}</ErrorText>
      <div class="row">
        <button class="button quiet" type="submit" disabled={save.isBusy}>
          Save
        </button>
        <span class="muted" role="status">
          {isSaved ? 'Saved' : ''}
        </span>
      </div>
    </form>
  )
}
