/** Hides one player's RTMP: what it wants of a stream, and that it is sent only as fast as its socket takes it. */
import { ProtocolError } from '../../media/protocol-error.ts'
import type { MediaType } from '../../media/rtmp/message-writer.ts'
import type { RtmpSession } from '../../media/rtmp/session.ts'
import type { Admission } from '../live/admission.ts'
import type { Log } from '../log.ts'
import type { Outgoing } from '../outgoing.ts'
import { APP, notLive, playersTooMany } from './refusals.ts'

/** Where players find streams: by the channel's slug. A stream key finds nothing. */
export interface RtmpPlayback {
  find(slug: string): RtmpSource | undefined
}

/** A running stream. */
export interface RtmpSource {
  readonly identity: { readonly channelId: string }
  /**
   * Starts with the last group of pictures, or with the next one. `onReadable`: there is something to take, or it is
   * over. Throws `AppError` LIMIT, or NOT_FOUND when the stream has just ended.
   */
  subscribe(options: { readonly onReadable: () => void; readonly skipsCache?: boolean }): RtmpFeed
}

/** One player's bounded queue. */
export interface RtmpFeed {
  take(): RtmpMedia | undefined
  readonly hasMessages: boolean
  /** Nothing will come any more. */
  readonly isOver: boolean
  /** It was given up because nothing was taken for too long. */
  readonly isClosed: boolean
  close(): void
}

export interface RtmpMedia {
  readonly type: MediaType
  readonly timestampMs: number
  readonly body: Uint8Array
  /** `header`: metadata or a decoder configuration. `key`: a picture at which a player may begin. */
  readonly role: 'header' | 'key' | 'frame'
}

export interface PlayerAdmission {
  readonly playback: RtmpPlayback
  /** Who may watch a stream. */
  readonly admission: Admission
  /** Whether one more player fits. Asked again by the same connection, it answers the same. */
  readonly admitPlayer: () => boolean
}

export interface PlayRequest {
  readonly app: string
  /** What the player asks for: a slug, or anything else that was typed into it. */
  readonly name: string
  readonly query: string
}

export interface RtmpPlayerOptions extends PlayerAdmission {
  readonly request: PlayRequest
  readonly session: Pick<RtmpSession, 'startPlaying' | 'media' | 'endPlaying'>
  readonly outgoing: Outgoing
  readonly log: Log
  /** There is something to take. Whoever gets it calls `pump`. */
  readonly onReadable: () => void
  /** The first message follows. */
  readonly onStart: () => void
  /** The player may not watch, or may watch no longer. */
  readonly onRefused: (reason: unknown) => void
  /** The stream has ended: everything was sent, or waits in `outgoing`. */
  readonly onEnd: () => void
}

export class RtmpPlayer {
  readonly #options: RtmpPlayerOptions
  readonly #tokens: readonly string[]
  #feed: RtmpFeed | undefined
  #leave: () => void = () => {}
  readonly #wanted: Record<MediaType, boolean> = { audio: true, script: true, video: true }
  #isWaitingForKey = false
  #isStarted = false
  #isClosed = false

  /**
   * Plays as soon as the player is found to be one who may watch. Throws `AppError` NOT_FOUND `channel_not_live`, LIMIT
   * `players_too_many`, and as `RtmpSource.subscribe`.
   */
  constructor(options: RtmpPlayerOptions) {
    const { request, playback, admission, admitPlayer, onRefused } = options
    const source = request.app === APP ? playback.find(request.name) : undefined
    if (!source) throw notLive()
    if (!admitPlayer()) throw playersTooMany()
    this.#options = options
    this.#tokens = new URLSearchParams(request.query).getAll('token')
    const { channelId } = source.identity
    if (admission.isOpen(channelId)) this.#subscribe(source)
    else
      this.#subscribeAdmitted(source).catch(error => {
        if (!this.#isClosed) onRefused(error)
      })
  }

  /** Sends what the socket takes. Call it after the start, when there is something, and when the socket has drained. */
  pump(): void {
    const { session, outgoing, onStart, onEnd } = this.#options
    if (this.#isClosed || !this.#feed) return
    if (this.#feed.isClosed) throw new ProtocolError('the player does not read')
    if (!this.#isStarted && this.#feed.hasMessages) {
      this.#isStarted = true
      outgoing.write(session.startPlaying())
      onStart()
    }
    while (outgoing.isEmpty) {
      const message = this.#feed.take()
      if (!message) break
      if (this.#isWanted(message))
        outgoing.writeMedia(session.media(message.type, message.timestampMs, message.body))
    }
    if (!this.#feed.isOver) return
    outgoing.write(session.endPlaying())
    onEnd()
  }

  /** The player turns kinds of media off, or on again: a picture comes back with the next key one. */
  want(kinds: readonly ('audio' | 'video')[], isWanted: boolean): void {
    if (kinds.includes('video') && isWanted && !this.#wanted.video) this.#isWaitingForKey = true
    for (const kind of kinds) this.#wanted[kind] = isWanted
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#leave()
    this.#feed?.close()
  }

  async #subscribeAdmitted(source: RtmpSource): Promise<void> {
    const { admission, onReadable } = this.#options
    await admission.admit(source.identity.channelId, this.#tokens)
    if (this.#isClosed) return
    this.#subscribe(source)
    onReadable()
  }

  #subscribe(source: RtmpSource): void {
    const { request, admission, log, onReadable, onRefused } = this.#options
    this.#feed = source.subscribe({
      skipsCache: new URLSearchParams(request.query).get('gop') === '0',
      onReadable: () => {
        if (!this.#isClosed) onReadable()
      },
    })
    this.#leave = admission.stay(source.identity.channelId, this.#tokens, reason => {
      if (!this.#isClosed) onRefused(reason)
    })
    // Only a name that was found: another may be a stream key.
    log.info({ slug: request.name }, 'player accepted')
  }

  #isWanted({ type, role }: RtmpMedia): boolean {
    // A decoder's configuration counts for what comes later too.
    if (role === 'header') return true
    if (!this.#wanted[type]) return false
    if (role === 'key') this.#isWaitingForKey = false
    return type !== 'video' || !this.#isWaitingForKey
  }
}
