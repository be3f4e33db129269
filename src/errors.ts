/** The errors that callers branch on; each surface (tRPC, HTTP, RTMP) renders them once. */

export type ErrorKind = 'NOT_FOUND' | 'CONFLICT' | 'FORBIDDEN' | 'UNAUTHENTICATED' | 'INVALID' | 'LIMIT'

/**
 * What a person or a program did wrong. `reason` is a stable snake_case word for programs
 * (`stream_key_invalid`); `message` tells a person what to do.
 */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly kind: ErrorKind
  readonly reason: string
  /** Seconds after which trying again makes sense: HTTP's Retry-After. */
  readonly retryAfterSeconds: number | undefined

  constructor(kind: ErrorKind, reason: string, message: string, options?: { retryAfterSeconds?: number }) {
    super(message)
    this.kind = kind
    this.reason = reason
    this.retryAfterSeconds = options?.retryAfterSeconds
  }

  /** The HTTP status for this kind. */
  get status(): number {
    return statusOf[this.kind]
  }
}

const statusOf = {
  NOT_FOUND: 404,
  CONFLICT: 409,
  FORBIDDEN: 403,
  UNAUTHENTICATED: 401,
  INVALID: 400,
  LIMIT: 429,
} as const satisfies Record<ErrorKind, number>
