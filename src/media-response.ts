/** What answers to players have in common: who may read them, ranges, and compression. */

/**
 * Anyone's player may read the media and what it needs of the headers; credentials are never used. As they say for
 * themselves that they are no pages, the guard adds nothing: they are asked for many thousands of times a second.
 */
export const FOR_PLAYERS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Age, Content-Length, Content-Range, Date, ETag, Retry-After',
  'x-content-type-options': 'nosniff',
}
export const PREFLIGHT = {
  ...FOR_PLAYERS,
  'access-control-allow-methods': 'GET, HEAD, OPTIONS',
  'access-control-allow-headers': '*',
  'access-control-max-age': '86400',
}

/** A text's bytes, compressed once for all who accept it. */
export class CompressedText {
  readonly bytes: Uint8Array<ArrayBuffer>
  #gzipped: Uint8Array<ArrayBuffer> | undefined

  constructor(text: string) {
    this.bytes = new TextEncoder().encode(text)
  }

  get gzipped(): Uint8Array<ArrayBuffer> {
    this.#gzipped ??= Bun.gzipSync(this.bytes, { level: this.bytes.byteLength > LONG_TEXT_BYTES ? 1 : 4 })
    return this.#gzipped
  }
}

/** The playlist of hours: compressing it well takes longer than sending it. */
const LONG_TEXT_BYTES = 32 * 1024
/** Named, and not with a weight of zero, RFC 9110 12.5.3. */
const GZIP_ACCEPTED = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i

/** Compressed for those who accept it. */
export function textResponse(
  request: Request,
  text: CompressedText,
  headers: Readonly<Record<string, string>>,
): Response {
  const all = { ...FOR_PLAYERS, vary: 'Accept-Encoding', ...headers }
  return GZIP_ACCEPTED.test(request.headers.get('accept-encoding') ?? '')
    ? new Response(text.gzipped, { headers: { ...all, 'content-encoding': 'gzip' } })
    : new Response(text.bytes, { headers: all })
}

/** The first byte that is wanted, and the first that is not. */
export interface WantedBytes {
  readonly start: number
  readonly end: number
}

/**
 * What a Range header asks of `size` bytes, RFC 9110 14; undefined: the whole, also where several ranges are asked for;
 * `unsatisfiable`: to be answered by `rangeRefusal`.
 */
export function wantedBytes(range: string | null, size: number): WantedBytes | 'unsatisfiable' | undefined {
  const match = range === null ? null : /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range)
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  const [first, last] = [match[1]!, match[2]!]
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1)
  return start >= end ? 'unsatisfiable' : { start, end }
}

export function rangeRefusal(size: number): Response {
  return new Response(null, { status: 416, headers: { ...FOR_PLAYERS, 'content-range': `bytes */${size}` } })
}

export function contentRange({ start, end }: WantedBytes, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`
}
