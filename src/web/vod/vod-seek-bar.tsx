/** Where the picture is in a VOD, and the way to anywhere else in it, with a small picture of what is there. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { clock, spoken } from '../clock-text.ts'
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
  const bar = useRef<HTMLInputElement>(null)
  const [hover, setHover] = useState<{ timeMs: number; share: number }>()
  const [chosenMs, setChosenMs] = useState<number>()
  const pictures = useStoryboard(storyboardUrl)
  useEffect(() => {
    if (chosenMs !== undefined && Math.abs(positionMs - chosenMs) < STEP_MS) setChosenMs(undefined)
  }, [positionMs, chosenMs])
  if (durationMs === 0) return null
  const shownMs = chosenMs ?? positionMs
  const percent = (ms: number) => `${(100 * Math.min(ms, durationMs)) / durationMs}%`
  const onPointerMove = (event: PointerEvent) => {
    const { left, width } = bar.current!.getBoundingClientRect()
    const share = Math.min(1, Math.max(0, (event.clientX - left) / width))
    setHover({ timeMs: share * durationMs, share })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { PageUp: PAGE_MS, PageDown: -PAGE_MS }[event.key]
    if (step === undefined) return
    event.preventDefault()
    seek(positionMs + step)
  }
  return (
    <div class="vod-seek" onPointerMove={onPointerMove} onPointerLeave={() => setHover(undefined)}>
      {hover && (
        <Preview picture={pictureAt(pictures, hover.timeMs)} timeMs={hover.timeMs} share={hover.share} />
      )}
      <input
        ref={bar}
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
    </div>
  )
}

function Preview({
  picture,
  timeMs,
  share,
}: {
  picture: PreviewPicture | undefined
  timeMs: number
  share: number
}) {
  return (
    <div class="seek-preview" style={{ left: `${share * 100}%` }} aria-hidden="true">
      {picture && (
        <span
          class="seek-picture"
          style={{
            width: `${picture.width}px`,
            height: `${picture.height}px`,
            backgroundImage: `url("${picture.url}")`,
            backgroundPosition: `-${picture.x}px -${picture.y}px`,
          }}
        />
      )}
      <span class="seek-time">{clock(timeMs)}</span>
    </div>
  )
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
