/** The choice of quality and, where there are several, of sound. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { AUTO, type Player, type PlayerState, type Quality } from '../client/index.ts'
import { Icon } from './icon.tsx'

interface PlayerMenuProps {
  readonly player: Player
  readonly state: PlayerState
}

/** Nothing, while there is nothing to choose from. */
export function PlayerMenu({ player, state }: PlayerMenuProps) {
  const hasQualities = state.qualities.length > 1
  const hasSounds = state.audioOptions.length > 1
  if (!hasQualities && !hasSounds) return null
  return (
    <MenuButton label={hasSounds ? 'Quality and sound' : 'Quality'}>
      {hasQualities && <Qualities player={player} state={state} />}
      {hasSounds && <Sounds player={player} state={state} />}
    </MenuButton>
  )
}

/** The choice of quality alone; nothing, while there is only one. */
export function QualityMenu({ player, state }: QualitiesProps) {
  if (state.qualities.length < 2) return null
  return (
    <MenuButton label="Quality">
      <Qualities player={player} state={state} />
    </MenuButton>
  )
}

function MenuButton({ label, children }: { label: string; children: ComponentChildren }) {
  const [isOpen, setIsOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (!isOpen) return
    // The chosen one is where the arrow keys start.
    root.current!.querySelector<HTMLInputElement>('input:checked')?.focus()
    const leave = (event: Event) => {
      if (!root.current!.contains(event.target as Node)) setIsOpen(false)
    }
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return
      setIsOpen(false)
      button.current!.focus()
    }
    document.addEventListener('keydown', onKeyDown)
    document.addEventListener('pointerdown', leave)
    document.addEventListener('focusin', leave)
    return () => {
      document.removeEventListener('keydown', onKeyDown)
      document.removeEventListener('pointerdown', leave)
      document.removeEventListener('focusin', leave)
    }
  }, [isOpen])
  return (
    <div class="menu-root" ref={root}>
      <button
        type="button"
        ref={button}
        aria-label={label}
        aria-expanded={isOpen}
        aria-controls="player-menu"
        onClick={() => setIsOpen(!isOpen)}
      >
        <Icon name="settings" />
      </button>
      {isOpen && (
        <div class="menu" id="player-menu">
          {children}
        </div>
      )}
    </div>
  )
}

interface QualitiesProps {
  readonly player: { setQuality(name: string): void }
  readonly state: Pick<PlayerState, 'qualities' | 'quality' | 'playingQuality'>
}

function Qualities({ player, state }: QualitiesProps) {
  const { qualities, quality, playingQuality } = state
  const isKnown = qualities.some(each => each.name === quality)
  const playing = qualities.find(each => each.name === playingQuality)
  return (
    <fieldset>
      <legend>Quality</legend>
      <Choice
        group="quality"
        isChosen={quality === AUTO || !isKnown}
        name="Auto"
        detail={playing ? `now ${nameOf(playing)}` : ''}
        choose={() => player.setQuality(AUTO)}
      />
      {qualities.map(each => (
        <Choice
          key={each.name}
          group="quality"
          isChosen={quality === each.name}
          name={nameOf(each)}
          detail={[bitrateOf(each), each.name === playingQuality ? 'playing' : '']
            .filter(Boolean)
            .join(' · ')}
          choose={() => player.setQuality(each.name)}
        />
      ))}
    </fieldset>
  )
}

function Sounds({ player, state }: PlayerMenuProps) {
  const { audioOptions, audioIndex, protocol } = state
  return (
    <fieldset>
      <legend>Sound</legend>
      {audioOptions.map(({ index, label }) => (
        <Choice
          key={index}
          group="sound"
          isChosen={audioIndex === index}
          name={label}
          detail={index === 0 ? 'default' : ''}
          choose={() => player.setAudio(index)}
        />
      ))}
      {protocol === 'webrtc' && <p>Another sound than the default plays over HLS, about a second later.</p>}
    </fieldset>
  )
}

interface ChoiceProps {
  readonly group: string
  readonly isChosen: boolean
  readonly name: string
  readonly detail: string
  readonly choose: () => void
}

function Choice({ group, isChosen, name, detail, choose }: ChoiceProps) {
  return (
    <label>
      <input type="radio" name={group} checked={isChosen} onChange={choose} />
      <span>{name}</span>
      <small>{detail}</small>
    </label>
  )
}

function nameOf({ name, height }: Quality): string {
  return name === 'source' ? `Source (${height}p)` : name
}

function bitrateOf({ bitrateBps }: Quality): string {
  if (bitrateBps === 0) return ''
  return bitrateBps >= 1_000_000
    ? `${(bitrateBps / 1_000_000).toFixed(1)} Mb/s`
    : `${Math.round(bitrateBps / 1000)} kb/s`
}
