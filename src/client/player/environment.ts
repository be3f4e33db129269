/** Everything the player asks of the browser, in one place, so that it can be tested without one. */
import type Hls from 'hls.js'

export interface PlayerEnvironment {
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>
  /** Milliseconds since the epoch, by this machine's clock. */
  readonly now: () => number
  readonly setTimeout: (run: () => void, ms: number) => unknown
  readonly clearTimeout: (handle: unknown) => void
  /** Undefined where the browser has no WebRTC. */
  readonly createPeerConnection: (() => RTCPeerConnection) | undefined
  readonly createStream: () => MediaStream
  readonly createVideo: () => HTMLVideoElement
  readonly loadHls: () => Promise<typeof Hls>
  /** As `document.cookie` takes it. */
  readonly setCookie: (cookie: string) => void
  /** Calls `run` each time the page goes away; returns what stops that. */
  readonly onPageHide: (run: () => void) => () => void
}

/** The environment of a web page. */
export function browserEnvironment(): PlayerEnvironment {
  return {
    fetch: (url, init) => fetch(url, init),
    now: () => Date.now(),
    setTimeout: (run, ms) => setTimeout(run, ms),
    clearTimeout: handle => clearTimeout(handle as number),
    createPeerConnection:
      typeof RTCPeerConnection === 'undefined'
        ? undefined
        : () => new RTCPeerConnection({ bundlePolicy: 'max-bundle' }),
    createStream: () => new MediaStream(),
    createVideo: () => document.createElement('video'),
    loadHls: async () => (await import('hls.js')).default,
    setCookie: cookie => {
      // biome-ignore lint/suspicious/noDocumentCookie: Safari, whose own player this is for, has no CookieStore yet.
      document.cookie = cookie
    },
    onPageHide: run => {
      addEventListener('pagehide', run)
      return () => removeEventListener('pagehide', run)
    },
  }
}

type Timers = Pick<PlayerEnvironment, 'setTimeout' | 'clearTimeout'>

/** Resolves after `ms`, or at once when one of `signals` is aborted. */
export function sleep(timers: Timers, ms: number, ...signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(signal => signal.aborted)) return Promise.resolve()
  return new Promise(resolve => {
    const finish = () => {
      timers.clearTimeout(timer)
      for (const signal of signals) signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = timers.setTimeout(finish, ms)
    for (const signal of signals) signal.addEventListener('abort', finish)
  })
}

/** Resolves when one of `signals` is aborted. */
export function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(signal => signal.aborted)) return Promise.resolve()
  return new Promise(resolve => {
    const finish = () => {
      for (const signal of signals) signal.removeEventListener('abort', finish)
      resolve()
    }
    for (const signal of signals) signal.addEventListener('abort', finish)
  })
}

/**
 * Runs `work` with a signal that is aborted after `ms` or together with `parent`. Settles with `work`, which is
 * expected to heed the signal.
 */
export async function withDeadline<T>(
  timers: Timers,
  ms: number,
  parent: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const abort = () => controller.abort()
  const timer = timers.setTimeout(abort, ms)
  parent.addEventListener('abort', abort)
  if (parent.aborted) abort()
  try {
    return await work(controller.signal)
  } finally {
    timers.clearTimeout(timer)
    parent.removeEventListener('abort', abort)
  }
}
