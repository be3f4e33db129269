/** Streams a range of a VOD's file to one client: nothing is read before the connection asks for it. */
import { type MoviePiece, piecesOf } from '../../media/mp4/movie.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { VodMovie } from './movies.ts'

export interface MovieBodyOptions {
  readonly store: Pick<ObjectStore, 'get'>
  readonly movie: VodMovie
  /** The first byte, and the first that is not wanted. */
  readonly start: number
  readonly end: number
  /** An object is not there, or not whole: the body fails. */
  readonly onLost: (key: string) => void
}

/** Bun tells the length of a body that is no stream; players ask for a few bytes here and there. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024

export async function movieBody(
  options: MovieBodyOptions,
): Promise<ReadableStream | Uint8Array<ArrayBuffer>> {
  const { start, end } = options
  const stream = streamMovie(options)
  return end - start <= MAX_BUFFERED_BYTES ? new Response(stream).bytes() : stream
}

function streamMovie({ store, movie, start, end, onLost }: MovieBodyOptions): ReadableStream<Uint8Array> {
  const pieces = piecesOf(movie, start, end)
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  const open = async ({ key, start, end }: Extract<MoviePiece<string>, { key: string }>) => {
    const found = await store.get(key, { start, end })
    if (found?.sizeBytes !== end - start) {
      await cancel(found?.body)
      onLost(key)
      throw new Error(`the object ${key} is lost or cut off`)
    }
    return (found.body instanceof Blob ? found.body.stream() : found.body).getReader()
  }
  const next = async (): Promise<Uint8Array | undefined> => {
    for (;;) {
      const read = await reader?.read()
      if (read?.value) return read.value
      reader = undefined
      const piece = pieces.next().value
      if (!piece || 'bytes' in piece) return piece?.bytes
      reader = await open(piece)
    }
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const bytes = await next()
        if (bytes) controller.enqueue(bytes)
        else controller.close()
      },
      async cancel(reason) {
        await reader?.cancel(reason)
        reader = undefined
      },
    },
    { highWaterMark: 0 },
  )
}

async function cancel(body: Blob | ReadableStream<Uint8Array> | undefined): Promise<void> {
  if (body instanceof ReadableStream) await body.cancel()
}
