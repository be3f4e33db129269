/** The player of a VOD with its controls. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { createVodPlayer, type VodPlayer, type VodPlayerState } from '../../client/index.ts'
import { clock } from '../clock-text.ts'
import { Icon } from '../icon.tsx'
import { SoundControls } from '../player-controls.tsx'
import { QualityMenu } from '../player-menu.tsx'
import { VodSeekBar } from './vod-seek-bar.tsx'

interface VodPlayerViewProps {
  readonly name: string
  readonly hlsUrl: string
  readonly posterUrl: string | null
  readonly storyboardUrl: string | null
  readonly startMs: number
  readonly onPlayer?: (player: VodPlayer) => void
  readonly onState?: (state: VodPlayerState) => void
}

const SPEEDS = [0.5, 1, 1.25, 1.5, 2]
const STEP_MS = 10_000

export function VodPlayerView(props: VodPlayerViewProps) {
  const { name, hlsUrl, posterUrl, storyboardUrl, startMs, onPlayer, onState } = props
  const frame = useRef<HTMLElement>(null)
  const screen = useRef<HTMLDivElement>(null)
  const [player, setPlayer] = useState<VodPlayer>()
  const [state, setState] = useState<VodPlayerState>()
  useEffect(() => {
    const opened = createVodPlayer({ container: screen.current!, url: hlsUrl, startMs })
    setPlayer(opened)
    opened.video.addEventListener('click', () => playOrPause(opened))
    onPlayer?.(opened)
    const show = (next: VodPlayerState) => {
      setState(next)
      onState?.(next)
    }
    show(opened.state)
    opened.subscribe(show)
    return () => opened.close()
  }, [hlsUrl])
  const toggle = () => player && playOrPause(player)
  const fullscreen = () => {
    if (document.fullscreenElement) document.exitFullscreen().catch(() => {})
    else frame.current!.requestFullscreen?.().catch(() => {})
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return
    const actions: Record<string, () => void> = {
      ' ': () => event.target === frame.current && toggle(),
      k: toggle,
      m: () => player?.setSound({ isMuted: !state?.isMuted }),
      f: fullscreen,
      j: () => player?.seek((state?.positionMs ?? 0) - STEP_MS),
      l: () => player?.seek((state?.positionMs ?? 0) + STEP_MS),
    }
    const action = actions[event.key]
    if (!action) return
    event.preventDefault()
    action()
  }
  return (
    <section class="player" ref={frame} tabIndex={-1} aria-label={`Player of ${name}`} onKeyDown={onKeyDown}>
      {posterUrl && state?.positionMs === 0 && state.status !== 'playing' && (
        <img class="poster" src={posterUrl} alt="" />
      )}
      <div class="screen" ref={screen} />
      <div class={state?.status === 'failed' ? 'overlay full' : 'overlay corner'} role="status">
        {state?.status === 'waiting' && <span class="waiting">Loading…</span>}
        {state?.status === 'failed' && <strong>{state.reason}</strong>}
      </div>
      {player && state && state.status !== 'failed' && (
        <VodControls {...{ player, state, storyboardUrl, toggle, fullscreen }} />
      )}
    </section>
  )
}

function playOrPause(player: VodPlayer): void {
  const { status } = player.state
  if (status === 'paused' || status === 'ended') player.play()
  else player.pause()
}

interface VodControlsProps {
  readonly player: VodPlayer
  readonly state: VodPlayerState
  readonly storyboardUrl: string | null
  readonly toggle: () => void
  readonly fullscreen: () => void
}

function VodControls({ player, state, storyboardUrl, toggle, fullscreen }: VodControlsProps) {
  const isStopped = state.status === 'paused' || state.status === 'ended'
  const { positionMs, durationMs, bufferedMs } = state
  return (
    <div class="controls">
      <VodSeekBar {...{ positionMs, durationMs, bufferedMs, storyboardUrl }} seek={ms => player.seek(ms)} />
      <div class="buttons">
        <button type="button" aria-label={isStopped ? 'Play' : 'Pause'} onClick={toggle}>
          <Icon name={isStopped ? 'play' : 'pause'} />
        </button>
        <SoundControls player={player} state={state} />
        <span class="vod-time">
          {clock(positionMs)} / {clock(durationMs)}
        </span>
        <span class="spacer" />
        <select
          class="speed"
          aria-label="Speed"
          value={state.speed}
          onChange={event => player.setSpeed(Number(event.currentTarget.value))}
        >
          {SPEEDS.map(speed => (
            <option key={speed} value={speed}>
              {speed}×
            </option>
          ))}
        </select>
        <QualityMenu player={player} state={state} />
        <button type="button" aria-label="Full screen" onClick={fullscreen}>
          <Icon name="fullscreen" />
        </button>
      </div>
    </div>
  )
}
