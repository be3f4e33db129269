/** The bar under the picture: sound, rewinding, quality, full screen, and what plays how far behind the camera. */
import type { Player, PlayerState, Sound } from '../client/index.ts'
import { Icon } from './icon.tsx'
import { PlayerMenu } from './player-menu.tsx'
import { SeekBar } from './seek-bar.tsx'

interface PlayerControlsProps {
  /** A small picture of a moment that has passed. */
  readonly previewUrl: ((timeMs: number) => string) | undefined
  readonly player: Player
  readonly state: PlayerState
  readonly toggleFullscreen: () => void
}

export function PlayerControls({ player, state, previewUrl, toggleFullscreen }: PlayerControlsProps) {
  return (
    <div class="controls">
      {state.timeline && (
        <SeekBar
          timeline={state.timeline}
          previewUrl={previewUrl}
          seek={timeMs => player.seek(timeMs)}
          goLive={() => player.goLive()}
        />
      )}
      <div class="buttons">
        <SoundControls player={player} state={state} />
        <span class="spacer" />
        <ConnectionBadge state={state} />
        <PlayerMenu player={player} state={state} />
        <button type="button" aria-label="Full screen" onClick={toggleFullscreen}>
          <Icon name="fullscreen" />
        </button>
      </div>
    </div>
  )
}

interface SoundControlsProps {
  readonly player: { setSound(sound: Partial<Sound>): void }
  readonly state: Sound
}

export function SoundControls({ player, state }: SoundControlsProps) {
  return (
    <>
      <button
        type="button"
        aria-label={state.isMuted ? 'Unmute' : 'Mute'}
        onClick={() => player.setSound({ isMuted: !state.isMuted })}
      >
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
          player.setSound({ volume, isMuted: volume === 0 })
        }}
      />
    </>
  )
}

/** `WebRTC · 180 ms`, or `HLS · 1.9 s`. */
function ConnectionBadge({ state }: { state: PlayerState }) {
  const { protocol, delayMs, reason } = state
  return (
    <span class="connection" title={reason ?? 'From the camera to this screen'}>
      {protocol === 'webrtc' ? 'WebRTC' : 'HLS'}
      {delayMs !== undefined && ` · ${delayText(delayMs)}`}
    </span>
  )
}

function delayText(delayMs: number): string {
  return delayMs < 1000 ? `${Math.round(delayMs / 10) * 10} ms` : `${(delayMs / 1000).toFixed(1)} s`
}
