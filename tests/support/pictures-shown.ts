/** Notes when a page showed which picture, and when the server got what it shows: how long viewers saw nothing new. */
import type { ObservedPage } from './browser.ts'
import type { Sluice } from './sluice.ts'
import { waitFor } from './wait-for.ts'

/** The server's log tells when a publisher's first key frame came. */
export const LOGGED = { LOG_LEVEL: 'info' }

/** So many pictures within so long: 640 ms of them. */
const FLOW = { pictures: 16, ms: 1_000 }

export interface Picture {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly width: number
}

declare global {
  interface Window {
    pictures?: { readonly shown: Picture[]; isSameElement(): boolean }
  }
}

/** Notes every picture that the page's element shows from now on. */
export function recordPictures({ page }: ObservedPage): Promise<void> {
  return page.evaluate(() => {
    const video = document.querySelector('video')!
    const shown: Picture[] = []
    window.pictures = { shown, isSameElement: () => document.querySelector('video') === video }
    const next = () =>
      video.requestVideoFrameCallback((_, { width }) => {
        shown.push({ at: Date.now(), width })
        next()
      })
    next()
  })
}

/** The first picture shown after `at` (milliseconds since the epoch), of a given width where one is named. */
export function pictureAfter({ page }: ObservedPage, at: number, width?: number): Promise<Picture> {
  const find = () =>
    page.evaluate(
      wanted =>
        window.pictures!.shown.find(
          each => each.at > wanted.at && (wanted.width === undefined || each.width === wanted.width),
        ),
      { at, width },
    )
  return waitFor(find, {
    message: `a picture ${width ?? ''} after the return`,
    timeoutMs: 30_000,
    intervalMs: 50,
  })
}

/** The first picture shown after `at` (milliseconds since the epoch) that many follow without a pause. */
export function flowAfter({ page }: ObservedPage, at: number): Promise<Picture> {
  const find = () =>
    page.evaluate(
      wanted => {
        const shown = window.pictures!.shown.filter(each => each.at > wanted.at)
        return shown.find(
          ({ at: from }, index) => (shown[index + wanted.pictures]?.at ?? Infinity) - from < wanted.ms,
        )
      },
      { at, ...FLOW },
    )
  return waitFor(find, { message: 'pictures to flow after the return', timeoutMs: 30_000, intervalMs: 50 })
}

/** Between two pictures of which the later was shown after `since`, and by `until` (milliseconds since the epoch). */
export function longestGap({ page }: ObservedPage, since = 0, until = Infinity): Promise<number> {
  return page.evaluate(
    wanted => {
      const { shown } = window.pictures!
      const gaps = shown.map(({ at }, index) => ({ at, ms: at - (shown[index - 1]?.at ?? at) }))
      const inTime = gaps.filter(({ at }) => at > wanted.since && at <= wanted.until)
      return Math.max(0, ...inTime.map(({ ms }) => ms))
    },
    { since, until },
  )
}

/** When publishers' first key frames came, in milliseconds since the epoch, as the server logs it. */
export function feedTimes(sluice: Sluice): number[] {
  return sluice.log
    .split('\n')
    .filter(line => line.includes('publisher feeds the stream'))
    .map(line => (JSON.parse(line) as { time: number }).time)
}
