/** Hides the virtual list's library: which of many rows are in the page, and that those being read stay in place. */
import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from '@tanstack/virtual-core'
import type { RefObject } from 'preact'
import { useLayoutEffect, useReducer, useState } from 'preact/hooks'

export type VirtualRows = Virtualizer<HTMLElement, HTMLElement>

export interface VirtualRowsOptions {
  readonly scroller: RefObject<HTMLElement | null>
  readonly count: number
  readonly keyOf: (index: number) => string
  /** Whether the end stays in view. */
  readonly isFollowing: boolean
}

const ROW_PX = 34
const OVERSCAN = 6

export function useVirtualRows(options: VirtualRowsOptions): VirtualRows {
  const { scroller, count, keyOf, isFollowing } = options
  const [, render] = useReducer<number, void>(times => times + 1, 0)
  const settings: VirtualizerOptions<HTMLElement, HTMLElement> = {
    ...{ count, getItemKey: keyOf, estimateSize: () => ROW_PX, overscan: OVERSCAN },
    // Unrounded: rows lie below each other, and parts of pixels would add up.
    measureElement: (row, entry) => entry?.borderBoxSize[0]?.blockSize ?? row.getBoundingClientRect().height,
    getScrollElement: () => scroller.current,
    ...{ observeElementRect, observeElementOffset, scrollToFn: elementScroll },
    ...{ anchorTo: 'end', followOnAppend: isFollowing, scrollEndThreshold: 80 },
    onChange: () => render(),
  }
  const [rows] = useState<VirtualRows>(() => new Virtualizer(settings))
  rows.setOptions(settings)
  useLayoutEffect(() => rows._didMount(), [])
  useLayoutEffect(() => rows._willUpdate())
  useEndInView(scroller, isFollowing)
  return rows
}

/** Rows turn out higher than was thought, and what stands below the list grows: the end is where the page says it is. */
function useEndInView(scroller: RefObject<HTMLElement | null>, isFollowing: boolean): void {
  const show = () => {
    const list = scroller.current
    if (list && isFollowing) list.scrollTop = list.scrollHeight
  }
  useLayoutEffect(show)
  useLayoutEffect(() => {
    if (!isFollowing) return
    const observer = new ResizeObserver(show)
    observer.observe(scroller.current!)
    observer.observe(scroller.current!.firstElementChild!)
    return () => observer.disconnect()
  }, [isFollowing])
}
