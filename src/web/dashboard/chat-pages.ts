/** A list that is read page by page. */
import { useEffect, useState } from 'preact/hooks'
import { messageOf } from '../../client/index.ts'

export interface Pages<T> {
  /** Undefined until the first page has come. */
  readonly items: readonly T[] | undefined
  readonly error: string | undefined
  /** Undefined: that was all. */
  readonly readMore: (() => Promise<void>) | undefined
  readonly reload: () => Promise<void>
}

type Ask<T> = (cursor: string | undefined) => Promise<{ items: T[]; nextCursor?: string | undefined }>

/** `key` names what is asked for. */
export function usePages<T>(key: string, ask: Ask<T>): Pages<T> {
  const [items, setItems] = useState<readonly T[]>()
  const [cursor, setCursor] = useState<string>()
  const [error, setError] = useState<string>()
  const read = async (after: string | undefined) => {
    try {
      const page = await ask(after)
      setItems(former => (after === undefined ? page.items : [...(former ?? []), ...page.items]))
      setCursor(page.nextCursor)
      setError(undefined)
    } catch (failure) {
      setError(messageOf(failure))
    }
  }
  useEffect(() => void read(undefined), [key])
  const readMore = cursor === undefined ? undefined : () => read(cursor)
  return { items, error, readMore, reload: () => read(undefined) }
}
