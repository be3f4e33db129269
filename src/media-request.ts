/** A request for media, as every part that answers players gets it. */

/** What Bun offers to outlive the idle timeout with. */
export interface Connection {
  timeout(request: Request, seconds: number): void
}

/** A GET or HEAD for `/KIND/…`, before which a token may stand (`/t/TOKEN/KIND/…`). */
export interface MediaRequest {
  readonly request: Request
  /** Null in tests without a network. */
  readonly connection: Connection | null
  /** What stands behind `/KIND/`, as it was sent: nothing that is percent-encoded is looked up. */
  readonly path: string
  readonly query: URLSearchParams
}

/** Throws, or rejects with, an `AppError` for what is to be answered as one. */
export type AnswerMedia = (asked: MediaRequest) => Response | Promise<Response>

/** By the first word of their paths: `hls`, `vod`. */
export type MediaRoutes = Readonly<Record<string, AnswerMedia>>
