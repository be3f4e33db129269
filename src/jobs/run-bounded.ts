/** Waits for something that may be aborted or take too long, and not for ever for it to heed that. */

/** What does not end by itself after it was aborted is left behind. */
const HEED_MS = 10_000

/** Aborts `task` with `signal`, or when the time is over; then rejects with the reason, at the latest after 10 s. */
export async function runBounded(
  task: (signal: AbortSignal) => Promise<void>,
  { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<void> {
  const controller = new AbortController()
  const abort = () => controller.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  const late = () => controller.abort(new Error(`took longer than ${timeoutMs / 1000} s`))
  const timer = setTimeout(late, timeoutMs)
  const { promise: unheeded, reject } = Promise.withResolvers<never>()
  let leaving: ReturnType<typeof setTimeout> | undefined
  controller.signal.addEventListener('abort', () => {
    leaving = setTimeout(() => reject(controller.signal.reason), HEED_MS)
  })
  try {
    await Promise.race([task(controller.signal), unheeded])
    controller.signal.throwIfAborted()
  } finally {
    clearTimeout(timer)
    clearTimeout(leaving)
    signal.removeEventListener('abort', abort)
  }
}
