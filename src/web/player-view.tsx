/** The player with its controls, and in words what it waits for. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { createPlayer, type Player, type PlayerState } from '../client/index.ts'
import { Icon } from './icon.tsx'
import { PlayerControls } from './player-controls.tsx'

interface PlayerViewProps {
  readonly slug: string
  /** Of a share link. */
  readonly token?: string | undefined
  /** Who is signed in; another one begins anew. */
  readonly identity?: string
  readonly isMuted?: boolean
  /** Shown until there is a picture. */
  readonly posterUrl?: string | undefined
  /** A small picture of a moment that has passed, for rewinding. */
  readonly previewUrl?: ((timeMs: number) => string) | undefined
  readonly onState?: (state: PlayerState) => void
}

export function PlayerView(props: PlayerViewProps) {
  const { slug, token, identity, isMuted = false, posterUrl, previewUrl, onState } = props
  const frame = useRef<HTMLElement>(null)
  const screen = useRef<HTMLDivElement>(null)
  const [player, setPlayer] = useState<Player>()
  const [state, setState] = useState<PlayerState>()
  useEffect(() => {
    const opened = createPlayer({ container: screen.current!, slug, token, isMuted })
    setPlayer(opened)
    const show = (next: PlayerState) => {
      setState(next)
      onState?.(next)
    }
    show(opened.state)
    opened.subscribe(show)
    return () => opened.close()
  }, [slug, token, identity])
  const preview = previewUrl && player && ((timeMs: number) => player.mediaAddress(previewUrl(timeMs)))
  const fullscreen = () => toggleFullscreen(frame.current!, player)
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'm') player?.setSound({ isMuted: !player.state.isMuted })
    if (event.key === 'f') fullscreen()
  }
  return (
    <section class="player" ref={frame} aria-label={`Player of ${slug}`} onKeyDown={onKeyDown}>
      {posterUrl && state?.protocol === 'none' && !['offline', 'refused'].includes(state.status) && (
        <img class="poster" src={posterUrl} alt="" />
      )}
      <div class="screen" ref={screen} />
      {state && <StatusOverlay state={state} slug={slug} />}
      {state?.isSilencedByBrowser && (
        <button type="button" class="unmute" onClick={() => player?.setSound({ isMuted: false })}>
          <Icon name="muted" /> Turn on sound
        </button>
      )}
      {player && state && state.protocol !== 'none' && (
        <PlayerControls {...{ player, state, previewUrl: preview }} toggleFullscreen={fullscreen} />
      )}
    </section>
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
      {status === 'reconnecting' && (
        <span class="waiting">The streamer’s connection was lost; waiting for it to come back…</span>
      )}
      {(status === 'failed' || status === 'refused') && <strong>{reason}</strong>}
    </div>
  )
}

/** An iPhone has full screen for the video element alone. */
function toggleFullscreen(frame: HTMLElement, player: Player | undefined): void {
  const video = player?.video as (HTMLVideoElement & { webkitEnterFullscreen?: () => void }) | undefined
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {})
  else if (frame.requestFullscreen) frame.requestFullscreen().catch(() => {})
  else video?.webkitEnterFullscreen?.()
}
