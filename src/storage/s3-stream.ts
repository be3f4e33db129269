/** Hands on what S3 sends: all of it, without waiting for ever, or an error. */
import type { Readable } from 'node:stream'

/**
 * A stream that fails when the source ends before `sizeBytes`, or sends nothing for `idleMs` while it is waited for: a
 * reader may take as long as it wants. Cancelling it ends the source.
 */
export function guardedStream(
  source: Readable,
  { sizeBytes, idleMs }: { readonly sizeBytes: number; readonly idleMs: number },
): ReadableStream<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  let remaining = sizeBytes
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const timer = setTimeout(
          () => source.destroy(new Error('S3 stopped in the middle of an object')),
          idleMs,
        )
        try {
          const { done, value } = await chunks.next()
          if (!done) {
            remaining -= value.byteLength
            controller.enqueue(value)
          } else if (remaining === 0) controller.close()
          else throw new Error(`S3 ended an object ${remaining} bytes too early`)
        } finally {
          clearTimeout(timer)
        }
      },
      cancel: () => void source.destroy(),
    },
    { highWaterMark: 0 },
  )
}
