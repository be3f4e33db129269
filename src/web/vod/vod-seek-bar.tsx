/** Where the picture is in a VOD, and the way to anywhere else in it, with a small picture of what is there. */
import { useEffect, useState } from 'preact/hooks'
import { clock, spoken } from '../clock-text.ts'
import { SeekHover } from '../seek-hover.tsx'
import { type PreviewPicture, parseStoryboard, pictureAt } from './storyboard.ts'

interface VodSeekBarProps {
  readonly positionMs: number
  readonly durationMs: number
  readonly bufferedMs: number
  readonly storyboardUrl: string | null
  readonly seek: (positionMs: number) => void
}

const STEP_MS = 1_000
const PAGE_MS = 30_000

export function VodSeekBar({ positionMs, durationMs, bufferedMs, storyboardUrl, seek }: VodSeekBarProps) {
  const [chosenMs, setChosenMs] = useState<number>()
  const pictures = useStoryboard(storyboardUrl)
  useEffect(() => {
    if (chosenMs !== undefined && Math.abs(positionMs - chosenMs) < STEP_MS) setChosenMs(undefined)
  }, [positionMs, chosenMs])
  if (durationMs === 0) return null
  const shownMs = chosenMs ?? positionMs
  const percent = (ms: number) => `${(100 * Math.min(ms, durationMs)) / durationMs}%`
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { PageUp: PAGE_MS, PageDown: -PAGE_MS }[event.key]
    if (step === undefined) return
    event.preventDefault()
    seek(positionMs + step)
  }
  return (
    <div class="seek-row">
      <SeekHover
        picture={share => <Preview picture={pictureAt(pictures, share * durationMs)} />}
        time={share => clock(share * durationMs)}
      >
        <input
          type="range"
          class="seek"
          aria-label="Position"
          aria-valuetext={`${spoken(shownMs)} of ${spoken(durationMs)}`}
          style={{ '--played': percent(shownMs), '--loaded': percent(bufferedMs) }}
          min={0}
          max={durationMs}
          step={STEP_MS}
          value={shownMs}
          onKeyDown={onKeyDown}
          onInput={event => setChosenMs(Number(event.currentTarget.value))}
          onChange={event => seek(Number(event.currentTarget.value))}
        />
      </SeekHover>
    </div>
  )
}

function Preview({ picture }: { picture: PreviewPicture | undefined }) {
  if (!picture) return null
  const { url, x, y, width, height } = picture
  const place = { backgroundImage: `url("${url}")`, backgroundPosition: `-${x}px -${y}px` }
  return <span class="seek-picture" style={{ width: `${width}px`, height: `${height}px`, ...place }} />
}

/** Empty until it is there, and where there is none. */
function useStoryboard(url: string | null): readonly PreviewPicture[] {
  const [pictures, setPictures] = useState<readonly PreviewPicture[]>([])
  useEffect(() => {
    setPictures([])
    if (url === null) return
    const leaving = new AbortController()
    const address = new URL(url, location.href).href
    fetch(address, { signal: leaving.signal })
      .then(async response => {
        if (response.ok) setPictures(parseStoryboard(await response.text(), address))
      })
      // There is only no picture then.
      .catch(() => {})
    return () => leaving.abort()
  }, [url])
  return pictures
}
