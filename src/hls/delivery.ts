/** Answers the requests of HLS players: what to hold and how long, what to refuse, what caches may keep. */
import { AppError } from '../errors.ts'
import { viewerKeyOf } from '../live/viewer-key.ts'
import {
  type CompressedText,
  contentRange,
  FOR_PLAYERS,
  rangeRefusal,
  textResponse,
  wantedBytes,
} from '../media-response.ts'
import { checkReach, type Directives, parseDirectives } from './directives.ts'
import type { GateResult } from './gate.ts'
import { writeMultivariant } from './multivariant.ts'
import type { Rendition } from './rendition.ts'
import type { HlsStream } from './stream.ts'
import type { PartPosition } from './window.ts'

/** A request that may have to wait. */
export interface HeldRequest {
  readonly request: Request
  /** The connection must not be called idle for so many seconds from now. */
  readonly keepOpen: (seconds: number) => void
}

export type HlsFile =
  | { readonly kind: 'init'; readonly index: number }
  | { readonly kind: 'segment'; readonly sequence: number }
  | ({ readonly kind: 'part' } & PartPosition)

/** A first segment takes up to six seconds. */
const START_HOLD_SECONDS = 8
/** 6.2.5.2: a server should not hold longer, and answers 503. */
const HOLD_TARGET_DURATIONS = 3
const IDLE_MARGIN_SECONDS = 10
/**
 * What the draft's profile for low latency (appendix B) asks of caches: an answer to a blocking request is kept for six
 * target durations, another for half of one, which is for shared caches alone: a browser would begin that much later. A
 * cache should leave `viewer` out of its keys.
 */
const CACHE_TARGET_DURATIONS = 6
const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl'
const IMMUTABLE = 'public, max-age=31536000, immutable'
const FILE_HEADERS = {
  ...FOR_PLAYERS,
  'content-type': 'video/mp4',
  'cache-control': IMMUTABLE,
  'accept-ranges': 'bytes',
}

/**
 * The multivariant playlist with a new viewer's id in it, `isSoundOnly`: with the sounds alone; held until there is
 * something to play, and at a stream's beginning until all of it is there.
 */
export async function serveMultivariant(
  stream: HlsStream,
  held: HeldRequest,
  isSoundOnly = false,
): Promise<Response> {
  const refusal = await waitForStart(stream.source, held, () => stream.isComplete)
  if (refusal) return refusal
  const { identity, viewers, offered } = stream
  const query = `viewer=${viewers.issue()}`
  const text = writeMultivariant(
    offered,
    rendition => `${identity.id}/${rendition.name}/playlist.m3u8?${query}`,
    isSoundOnly,
  )
  const headers = { ...FOR_PLAYERS, 'content-type': PLAYLIST_TYPE, 'cache-control': 'no-store' }
  return new Response(text, { headers })
}

/** The media playlist, by the delivery directives of `query`. Throws `AppError` INVALID for wrong ones. */
export async function servePlaylist(
  stream: HlsStream,
  rendition: Rendition,
  query: Record<string, unknown>,
  held: HeldRequest,
): Promise<Response> {
  const { viewer } = query
  const touch = () => {
    if (typeof viewer === 'string') stream.viewers.touch(viewer, viewerKeyOf(held.request))
  }
  touch()
  const { window } = rendition
  // 6.2.5: directives mean nothing once the playlist has ended.
  if (window.isEnded) return playlistResponse(held, rendition.playlist(false), 'no-cache')
  const directives = parseDirectives(query)
  const refusal = (await waitForStart(rendition, held)) ?? (await waitForMedia(rendition, directives, held))
  if (refusal) return refusal
  if (directives.sequence === undefined) await rendition.untilFresh(held.request.signal)
  touch()
  const isBlocking = directives.sequence !== undefined && !window.isEnded
  const { targetDurationSeconds } = window.timing!
  const cacheControl = isBlocking
    ? `public, max-age=${CACHE_TARGET_DURATIONS * targetDurationSeconds}`
    : `public, max-age=0, s-maxage=${Math.floor(targetDurationSeconds / 2)}`
  const playlist = rendition.playlist(directives.isDelta && !window.isEnded)
  return playlistResponse(held, playlist, cacheControl)
}

/** The file's name: `init-0.mp4`, `12.m4s`, `12.3.m4s`. Throws `AppError` NOT_FOUND for any other. */
export function parseFile(name: string): HlsFile {
  const init = /^init-(\d{1,9})\.mp4$/.exec(name)
  if (init) return { kind: 'init', index: Number(init[1]) }
  const media = /^(\d{1,15})(?:\.(\d{1,9}))?\.m4s$/.exec(name)
  if (!media) throw fileNotFound()
  const sequence = Number(media[1])
  return media[2] === undefined
    ? { kind: 'segment', sequence }
    : { kind: 'part', sequence, index: Number(media[2]) }
}

/** A file out of the window; the part that the playlist hints at is held until it is complete, 6.2.6. */
export async function serveFile(rendition: Rendition, file: HlsFile, held: HeldRequest): Promise<Response> {
  if (file.kind === 'part') {
    const refusal = await waitForPart(rendition, file, held)
    if (refusal) return refusal
  }
  const isArchived = file.kind === 'segment' && rendition.window.segments.find(file.sequence)?.isArchived
  const data = isArchived ? await rendition.readArchived(file.sequence) : findFile(rendition, file)
  if (!data) throw fileNotFound()
  return fileResponse(data, held.request.headers.get('range'))
}

/** A gap has no media to give. */
function findFile({ window }: Rendition, file: HlsFile): Uint8Array<ArrayBuffer> | undefined {
  if (file.kind === 'init') return window.findInit(file.index)
  const media = file.kind === 'part' ? window.findPart(file) : window.findSegment(file.sequence)
  return media?.isGap ? undefined : media?.data
}

/** A refusal where nothing came in time. Throws `AppError` NOT_FOUND when nothing will. */
export async function waitForStart(
  rendition: Rendition,
  held: HeldRequest,
  isReady = () => rendition.window.isReady,
): Promise<Response | undefined> {
  const { window } = rendition
  if (!isReady() && !window.isEnded) {
    held.keepOpen(START_HOLD_SECONDS + IDLE_MARGIN_SECONDS)
    const result = await rendition.wait(isReady, START_HOLD_SECONDS * 1000, held.request.signal)
    // What is there can be played already.
    if (!window.isReady) {
      const refusal = refuse(
        result,
        'stream_starting',
        'The stream has only just begun: try again in a moment.',
      )
      if (refusal) return refusal
    }
  }
  if (!window.isReady) throw notLive()
  return undefined
}

async function waitForMedia(
  rendition: Rendition,
  directives: Directives,
  held: HeldRequest,
): Promise<Response | undefined> {
  const { sequence, part } = directives
  if (rendition.window.isEnded || sequence === undefined) return undefined
  checkReach(directives, rendition.window)
  return hold(rendition, () => rendition.window.has(sequence, part), held)
}

async function waitForPart(
  rendition: Rendition,
  { sequence, index }: PartPosition,
  held: HeldRequest,
): Promise<Response | undefined> {
  const isNext = () => {
    const next = rendition.window.nextPart
    return next.sequence === sequence && next.index === index
  }
  return hold(rendition, () => !isNext(), held)
}

async function hold(
  rendition: Rendition,
  isReady: () => boolean,
  held: HeldRequest,
): Promise<Response | undefined> {
  const { window } = rendition
  if (window.isEnded || isReady()) return undefined
  const seconds = HOLD_TARGET_DURATIONS * (window.timing?.targetDurationSeconds ?? START_HOLD_SECONDS / 2)
  held.keepOpen(seconds + IDLE_MARGIN_SECONDS)
  const result = await rendition.wait(isReady, seconds * 1000, held.request.signal)
  return refuse(result, 'media_late', 'The stream has stalled: the publisher sends nothing.')
}

/** 6.2.5.2: 503 when it took too long; the same when too many wait already. */
function refuse(result: GateResult, reason: string, message: string): Response | undefined {
  switch (result) {
    case 'ready':
      return undefined
    case 'timeout':
      return unavailable(reason, message)
    case 'full':
      return unavailable('too_many_requests_held', 'Too many players wait for this stream.')
    case 'aborted':
      return new Response(null, { status: 499 })
  }
}

function unavailable(reason: string, detail: string): Response {
  return Response.json(
    { status: 503, title: 'Service Unavailable', detail, reason },
    {
      status: 503,
      headers: {
        ...FOR_PLAYERS,
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
        'retry-after': '1',
      },
    },
  )
}

/** Compressed for those who accept it. */
export function playlistResponse(
  { request }: HeldRequest,
  playlist: CompressedText,
  cacheControl: string,
  type = PLAYLIST_TYPE,
): Response {
  return textResponse(request, playlist, { 'content-type': type, 'cache-control': cacheControl })
}

/** A whole file or one range of it. */
function fileResponse(data: Uint8Array<ArrayBuffer>, range: string | null): Response {
  const size = data.byteLength
  const wanted = wantedBytes(range, size)
  if (wanted === undefined) return new Response(data, { headers: FILE_HEADERS })
  if (wanted === 'unsatisfiable') return rangeRefusal(size)
  return new Response(data.subarray(wanted.start, wanted.end), {
    status: 206,
    headers: { ...FILE_HEADERS, 'content-range': contentRange(wanted, size) },
  })
}

export function notLive(): AppError {
  return new AppError('NOT_FOUND', 'channel_not_live', 'This channel is not live.')
}

function fileNotFound(): AppError {
  return new AppError('NOT_FOUND', 'hls_file_not_found', 'There is no such file in this stream any more.')
}
