/** Rewinding within what the server still has, and the way back to live. */
import { useEffect, useState } from 'preact/hooks'
import type { Timeline } from '../client/index.ts'
import { clock, spoken } from './clock-text.ts'
import { SeekHover } from './seek-hover.tsx'

/** With less than this there is nothing worth rewinding. */
const LEAST_MS = 60_000
const STEP_MS = 5_000
/** How long a chosen place is shown that the picture has not come to. */
const PENDING_MS = 6_000
const SETTLED_MS = 120

interface SeekBarProps {
  readonly timeline: Timeline
  /** A small picture of that moment; undefined: there are none. */
  readonly previewUrl: ((timeMs: number) => string) | undefined
  readonly seek: (timeMs: number) => void
  readonly goLive: () => void
}

/** Nothing, while there is little to rewind. */
export function SeekBar({ timeline, previewUrl, seek, goLive }: SeekBarProps) {
  const { startMs, endMs, positionMs, isAtLive } = timeline
  const [chosenMs, setChosenMs] = useState<number>()
  const hasArrived = chosenMs !== undefined && !isAtLive && Math.abs(positionMs - chosenMs) < STEP_MS
  useEffect(() => {
    if (hasArrived) setChosenMs(undefined)
    if (chosenMs === undefined) return
    const timer = setTimeout(() => setChosenMs(undefined), PENDING_MS)
    return () => clearTimeout(timer)
  }, [chosenMs, hasArrived])
  if (endMs - startMs < LEAST_MS) return null
  const isLive = isAtLive && chosenMs === undefined
  const shownMs = chosenMs ?? (isAtLive ? endMs : positionMs)
  const behindMs = isLive ? 0 : Math.max(0, endMs - shownMs)
  return (
    <div class="seek-row">
      <SeekHover
        picture={share => previewUrl && <LivePicture url={previewUrl(startMs + share * (endMs - startMs))} />}
        time={share => `−${clock((1 - share) * (endMs - startMs))}`}
      >
        <input
          type="range"
          class="seek"
          aria-label="Rewind"
          aria-valuetext={isLive ? 'live' : `${spoken(behindMs)} behind live`}
          style={{ '--played': `${((shownMs - startMs) / (endMs - startMs)) * 100}%` }}
          min={startMs}
          max={endMs}
          step={STEP_MS}
          value={shownMs}
          onInput={event => setChosenMs(Number(event.currentTarget.value))}
          onChange={event => seek(Number(event.currentTarget.value))}
        />
      </SeekHover>
      {behindMs > 0 && <span class="behind">−{clock(behindMs)}</span>}
      <button
        type="button"
        class={isLive ? 'live-button on' : 'live-button'}
        aria-label={isLive ? 'Live' : 'Back to live'}
        aria-pressed={isLive}
        onClick={() => {
          setChosenMs(undefined)
          goLive()
        }}
      >
        Live
      </button>
    </div>
  )
}

/** The one before stays until it is there; while the pointer moves, none is asked for. */
function LivePicture({ url }: { url: string }) {
  const [shown, setShown] = useState<string>()
  useEffect(() => {
    const timer = setTimeout(() => setShown(url), SETTLED_MS)
    return () => clearTimeout(timer)
  }, [url])
  return shown ? (
    <img class="seek-picture" src={shown} alt="" width="160" onError={() => setShown(undefined)} />
  ) : null
}
