/** The pages' one connection to the server, and how they keep what it says fresh. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { type ApiOutputs, createClient, messageOf } from '../client/index.ts'

export const api = createClient({ url: location.origin })

export type Account = NonNullable<ApiOutputs['auth']['me']>
export type Channel = ApiOutputs['channels']['get']
export type Stream = ApiOutputs['streams']['get']
export type ApiVod = ApiOutputs['vods']['get']
export type ApiVodItem = ApiOutputs['vods']['list']['items'][number]
export type StreamHealth = ApiOutputs['streams']['health']

export interface Query<T> {
  /** The latest answer; a failed request leaves it. */
  readonly data: T | undefined
  readonly error: unknown
  readonly reload: () => Promise<void>
}

/**
 * Asks at once, then every `everyMs` while the page can be seen. `key` names what is asked for: another key forgets
 * the former answer.
 */
export function useQuery<T>(key: string, ask: () => Promise<T>, everyMs?: number): Query<T> {
  const [state, setState] = useState<{ key: string; data: T | undefined; error: unknown }>()
  const latest = useRef({ ask, key })
  latest.current = { ask, key }
  const reload = useCallback(async () => {
    const asked = latest.current
    const answer = await asked.ask().then(
      data => ({ data, error: undefined }),
      (error: unknown) => ({ error }),
    )
    if (latest.current.key === asked.key)
      setState(former => ({ data: former?.data, ...answer, key: asked.key }))
  }, [])
  useEffect(() => {
    reload()
    if (everyMs === undefined) return
    const timer = setInterval(() => document.hidden || reload(), everyMs)
    const wake = () => document.hidden || reload()
    document.addEventListener('visibilitychange', wake)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', wake)
    }
  }, [key, everyMs, reload])
  const isCurrent = state?.key === key
  return { data: isCurrent ? state.data : undefined, error: isCurrent ? state.error : undefined, reload }
}

export interface Action {
  readonly isBusy: boolean
  /** What went wrong, for a person. */
  readonly error: string | undefined
  readonly run: () => Promise<void>
}

/** Something a person starts: one at a time, with its error kept for showing. */
export function useAction(perform: () => Promise<unknown>): Action {
  const [isBusy, setIsBusy] = useState(false)
  const [error, setError] = useState<string>()
  const run = async () => {
    if (isBusy) return
    setIsBusy(true)
    setError(undefined)
    try {
      await perform()
    } catch (failure) {
      setError(messageOf(failure))
    } finally {
      setIsBusy(false)
    }
  }
  return { isBusy, error, run }
}
