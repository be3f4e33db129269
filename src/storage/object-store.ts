/** What Sluice asks of the place where media lies: a directory, or a bucket of S3. */

/**
 * Letters, digits and `-_.` in parts between slashes, none of them beginning with `.`: checked by every store. No key is a
 * folder of another: `a` and `a/b` are not used together.
 */
export type ObjectKey = string

export interface ByteRange {
  /** The first byte. */
  readonly start: number
  /** The first byte that is not wanted. */
  readonly end: number
}

export interface StoredObject {
  /** Of what was asked for: the whole, or the range as far as it lies in the object. */
  readonly sizeBytes: number
  /** For a `Response`; taken at most once, and `bytes` not beside it. One that is not taken must be cancelled. */
  readonly body: Blob | ReadableStream<Uint8Array>
  bytes(): Promise<Uint8Array<ArrayBuffer>>
}

export interface ObjectInfo {
  readonly key: ObjectKey
  readonly sizeBytes: number
}

export interface PutOptions {
  /** `application/octet-stream` unless told; what a browser is told that gets the object from a bucket. */
  readonly contentType?: string
  /** SHA-256 of the content in hex; a store that can, lets the other side check it. */
  readonly checksum?: string
}

/** Every method rejects with an `Error` when the store cannot be reached; trying again is the caller's. */
export interface ObjectStore extends AsyncDisposable {
  /**
   * Stores the content whole or not at all, and resolves when it is durable; an object that is there is replaced. A file
   * stays the caller's: it may be removed afterwards, and must not be changed.
   */
  put(key: ObjectKey, content: Uint8Array | { readonly path: string }, options?: PutOptions): Promise<void>
  /** Undefined: there is no such object. A range that begins behind its end has no bytes. */
  get(key: ObjectKey, range?: ByteRange): Promise<StoredObject | undefined>
  find(key: ObjectKey): Promise<ObjectInfo | undefined>
  /** Those that are not there are passed over. */
  delete(keys: readonly ObjectKey[]): Promise<void>
  /** Every object whose key begins with `prefix`, in the order of the keys (by code unit). */
  list(prefix: string): AsyncIterable<ObjectInfo>
  /** Where a browser gets the object for so many seconds without asking this server; undefined: the store cannot. */
  presign(key: ObjectKey, expiresInSeconds: number): Promise<string | undefined>
  /** Requests under way are ended, and none is taken any more. Idempotent. */
  close(): Promise<void>
}
