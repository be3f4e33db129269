/** Sends a file to the address that `uploads.create` has answered, and goes on where it broke off. */

export interface UploadOptions {
  readonly file: Blob
  /** Absolute. */
  readonly url: string
  /** For other sites' pages; Sluice's own have a session cookie. */
  readonly accessToken?: string
  /** 0 to 1: what the server has. */
  readonly onProgress?: (share: number) => void
  /** Stops it; what was sent stays for a day. */
  readonly signal?: AbortSignal
}

/** What the server takes at once. */
const PIECE_BYTES = 16 * 1024 * 1024
const RETRIES_MS = [0, 1_000, 3_000, 5_000, 10_000, 20_000, 30_000, 60_000]

/** Resolves when the server has all of it; rejects when it refuses, or cannot be reached for some minutes. */
export async function uploadFile({
  file,
  url,
  accessToken,
  onProgress,
  signal,
}: UploadOptions): Promise<void> {
  // Pages that send no file do not wait for the library.
  const { Upload } = await import('tus-js-client')
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const upload = new Upload(file as File, {
    uploadUrl: url,
    chunkSize: PIECE_BYTES,
    retryDelays: RETRIES_MS,
    storeFingerprintForResuming: false,
    headers: accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` },
    onProgress: (sent, all) => onProgress?.(all === null || all === 0 ? 0 : sent / all),
    onSuccess: () => resolve(),
    onError: reject,
  })
  const stop = () => {
    void upload.abort()
    reject(signal?.reason)
  }
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted) stop()
  else upload.start()
  return promise.finally(() => signal?.removeEventListener('abort', stop))
}
