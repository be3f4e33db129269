/** Waits for a condition that can only be observed by looking, and says clearly what never came true. */

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>

export interface WaitOptions {
  /** Default 10,000. */
  readonly timeoutMs?: number
  /** Between two looks; default 50. */
  readonly intervalMs?: number
  /** What was waited for: `the channel to be listed as live`. */
  readonly message: string
}

/**
 * Looks until `look` gives something truthy, and returns it. A look that throws counts as "not yet", and its error is
 * told when time is up. Throws an Error with `message`, the time waited and the last answer.
 */
export async function waitFor<T>(look: () => T | Promise<T>, options: WaitOptions): Promise<Truthy<T>> {
  const { timeoutMs = 10_000, intervalMs = 50, message } = options
  const { promise: late, reject } = Promise.withResolvers<never>()
  late.catch(() => {})
  let last: unknown = 'none: the first look did not end'
  const timer = setTimeout(
    () =>
      reject(
        new Error(`waited ${timeoutMs} ms for ${message}; last answer: ${describe(last)}`, { cause: last }),
      ),
    timeoutMs,
  )
  try {
    for (;;) {
      const answer = await Promise.race([attempt(look), late])
      if (answer instanceof Failed) last = answer.error
      else if (answer) return answer as Truthy<T>
      else last = answer
      await Promise.race([Bun.sleep(intervalMs), late])
    }
  } finally {
    clearTimeout(timer)
  }
}

class Failed {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

async function attempt<T>(look: () => T | Promise<T>): Promise<T | Failed> {
  try {
    return await look()
  } catch (error) {
    return new Failed(error)
  }
}

function describe(answer: unknown): string {
  if (answer instanceof Error) return `${answer.name}: ${answer.message}`
  return Bun.inspect(answer, { depth: 3 }).slice(0, 500)
}
