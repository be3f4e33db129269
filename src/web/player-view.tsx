/** The player with its controls: sound, full screen, and what is playing how far behind the camera. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { createPlayer, type Player, type PlayerState } from '../client/index.ts'
import { Icon } from './icon.tsx'

interface PlayerViewProps {
  readonly slug: string
  readonly isMuted?: boolean
  /** Shown until there is a picture. */
  readonly posterUrl?: string | undefined
  readonly onState?: (state: PlayerState) => void
}

export function PlayerView({ slug, isMuted = false, posterUrl, onState }: PlayerViewProps) {
  const frame = useRef<HTMLElement>(null)
  const screen = useRef<HTMLDivElement>(null)
  const player = useRef<Player>(undefined)
  const [state, setState] = useState<PlayerState>()
  useEffect(() => {
    const opened = createPlayer({ container: screen.current!, slug, isMuted })
    player.current = opened
    const show = (next: PlayerState) => {
      setState(next)
      onState?.(next)
    }
    show(opened.state)
    opened.subscribe(show)
    return () => opened.close()
  }, [slug])
  const setSound = (sound: { isMuted?: boolean; volume?: number }) => player.current?.setSound(sound)
  const toggleMute = () => setSound({ isMuted: !player.current?.state.isMuted })
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'm') toggleMute()
    if (event.key === 'f') toggleFullscreen(frame.current!, player.current)
  }
  return (
    <section class="player" ref={frame} aria-label={`Player of ${slug}`} onKeyDown={onKeyDown}>
      {posterUrl && state?.protocol === 'none' && state.status !== 'offline' && (
        <img class="poster" src={posterUrl} alt="" />
      )}
      <div class="screen" ref={screen} />
      {state && <StatusOverlay state={state} slug={slug} />}
      {state?.isSilencedByBrowser && (
        <button type="button" class="unmute" onClick={() => setSound({ isMuted: false })}>
          <Icon name="muted" /> Turn on sound
        </button>
      )}
      {state && state.protocol !== 'none' && (
        <Controls
          state={state}
          setSound={setSound}
          toggleMute={toggleMute}
          toggleFullscreen={() => toggleFullscreen(frame.current!, player.current)}
        />
      )}
    </section>
  )
}

interface ControlsProps {
  readonly state: PlayerState
  readonly setSound: (sound: { isMuted?: boolean; volume?: number }) => void
  readonly toggleMute: () => void
  readonly toggleFullscreen: () => void
}

function Controls({ state, setSound, toggleMute, toggleFullscreen }: ControlsProps) {
  return (
    <div class="controls">
      <button type="button" aria-label={state.isMuted ? 'Unmute' : 'Mute'} onClick={toggleMute}>
        <Icon name={state.isMuted ? 'muted' : 'sound'} />
      </button>
      <input
        type="range"
        class="volume"
        aria-label="Volume"
        min="0"
        max="1"
        step="0.05"
        value={state.isMuted ? 0 : state.volume}
        onInput={event => {
          const volume = Number(event.currentTarget.value)
          setSound({ volume, isMuted: volume === 0 })
        }}
      />
      <span class="spacer" />
      <ConnectionBadge state={state} />
      <button type="button" aria-label="Full screen" onClick={toggleFullscreen}>
        <Icon name="fullscreen" />
      </button>
    </div>
  )
}

/** `WebRTC · 180 ms`, or `HLS · 1.9 s`. */
export function ConnectionBadge({ state }: { state: PlayerState }) {
  const { protocol, delayMs, reason } = state
  if (protocol === 'none') return null
  return (
    <span class="connection" title={reason ?? 'From the camera to this screen'}>
      {protocol === 'webrtc' ? 'WebRTC' : 'HLS'}
      {delayMs !== undefined && ` · ${delayText(delayMs)}`}
    </span>
  )
}

function StatusOverlay({ state, slug }: { state: PlayerState; slug: string }) {
  const { status, protocol, reason } = state
  return (
    <div class={`overlay ${protocol === 'none' ? 'full' : 'corner'}`} role="status">
      {status === 'offline' && (
        <>
          <strong>{slug} is offline</strong>
          <span>It starts playing here by itself when it goes live.</span>
        </>
      )}
      {status === 'connecting' && <span class="waiting">{reason ?? 'Connecting…'}</span>}
      {status === 'stalled' && <span class="waiting">Waiting for the streamer…</span>}
      {status === 'failed' && <strong>{reason}</strong>}
    </div>
  )
}

function delayText(delayMs: number): string {
  return delayMs < 1000 ? `${Math.round(delayMs / 10) * 10} ms` : `${(delayMs / 1000).toFixed(1)} s`
}

/** An iPhone has full screen for the video element alone. */
function toggleFullscreen(frame: HTMLElement, player: Player | undefined): void {
  const video = player?.video as (HTMLVideoElement & { webkitEnterFullscreen?: () => void }) | undefined
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {})
  else if (frame.requestFullscreen) frame.requestFullscreen().catch(() => {})
  else video?.webkitEnterFullscreen?.()
}
