/** Shows, above the place of a bar that is pointed at, what is there. */
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'

interface SeekHoverProps {
  /** What is at so much (0 to 1) of the bar: a picture, where there is one, and its time. */
  readonly picture: (share: number) => ComponentChildren
  readonly time: (share: number) => string
  /** The bar. */
  readonly children: ComponentChildren
}

export function SeekHover({ picture, time, children }: SeekHoverProps) {
  const [share, setShare] = useState<number>()
  const onPointerMove = (event: PointerEvent) => {
    const { left, width } = (event.currentTarget as HTMLElement).getBoundingClientRect()
    setShare(Math.min(1, Math.max(0, (event.clientX - left) / width)))
  }
  return (
    <div class="seek-hover" onPointerMove={onPointerMove} onPointerLeave={() => setShare(undefined)}>
      {share !== undefined && (
        <div class="seek-preview" style={{ left: `${share * 100}%` }} aria-hidden="true">
          {picture(share)}
          <span class="seek-time">{time(share)}</span>
        </div>
      )}
      {children}
    </div>
  )
}
