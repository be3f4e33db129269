/** Closes what is open when Escape is pressed, or when something else is touched or focused. */
import type { RefObject } from 'preact'
import { useLayoutEffect } from 'preact/hooks'

/** `onDismiss` is told whether it was the key: then the focus goes back to where it came from. */
export function useDismiss(
  root: RefObject<HTMLElement | null>,
  isOpen: boolean,
  onDismiss: (isByKey: boolean) => void,
): void {
  useLayoutEffect(() => {
    if (!isOpen) return
    const leave = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) onDismiss(false)
    }
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return
      event.preventDefault()
      onDismiss(true)
    }
    document.addEventListener('keydown', onKeyDown)
    document.addEventListener('pointerdown', leave)
    document.addEventListener('focusin', leave)
    return () => {
      document.removeEventListener('keydown', onKeyDown)
      document.removeEventListener('pointerdown', leave)
      document.removeEventListener('focusin', leave)
    }
  })
}
