/** Hides RTMP's conversation with a publisher or a player (Adobe RTMP 1.0, section 7.2): bytes in, events and answers out. */
import { readUint16, readUint32 } from '../bytes.ts'
import { ProtocolError } from '../protocol-error.ts'
import type { AmfValue } from './amf0.ts'
import { ChunkReader } from './chunk.ts'
import { connectResult, readConnect } from './connect.ts'
import { ServerHandshake } from './handshake.ts'
import * as message from './message.ts'
import { type MediaType, MessageWriter } from './message-writer.ts'
import { type PublisherMetadata, readMetadata } from './metadata.ts'
import { answerPlayer, onStatus, type PlayEvent, playEnd, playStart } from './play.ts'

/** `pending`: the publisher waits for `accept` or `reject`. `playing`: from `play` on. `closed`: nothing it sends is looked at any more. */
export type RtmpState =
  | 'handshake'
  | 'connecting'
  | 'connected'
  | 'pending'
  | 'publishing'
  | 'playing'
  | 'closed'

export type RtmpEvent =
  | { readonly type: 'reply'; readonly bytes: Uint8Array }
  /** Asks for `accept` or `reject`. `encoder`: what the publisher calls itself. */
  | {
      readonly type: 'publish'
      readonly app: string
      readonly streamKey: string
      /** What stood behind the key's question mark. */
      readonly query: string
      readonly encoder: string | undefined
    }
  | PlayEvent
  | { readonly type: 'metadata'; readonly metadata: PublisherMetadata }
  | {
      readonly type: 'media'
      readonly kind: 'audio' | 'video'
      readonly timestampMs: number
      readonly body: Uint8Array
    }
  /** The publisher has said that it stops: flush and close. */
  | { readonly type: 'end'; readonly reason: string }

export type RejectCode =
  | 'NetStream.Publish.Denied'
  | 'NetStream.Publish.BadName'
  | 'NetStream.Publish.Rejected'
  | 'NetStream.Play.StreamNotFound'
  | 'NetStream.Play.Failed'

const WINDOW = 2_500_000
const CHUNK_SIZE = 65_536
const MAX_STREAMS = 8
/** Each one sends a whole group of pictures. */
const MAX_PLAYS = 64

/** One connection, server side. No socket and no clock: its owner moves the bytes and keeps the deadlines. */
export class RtmpSession {
  readonly #handshake = new ServerHandshake()
  readonly #reader = new ChunkReader()
  readonly #writer = new MessageWriter()
  #state: RtmpState = 'handshake'
  #app = ''
  #encoder: string | undefined
  #streams = 0
  #plays = 0
  /** The message stream of what is published or played. */
  #streamId = 0
  #isReset = false
  #receivedBytes = 0
  #acknowledgedBytes = 0
  #peerWindow = WINDOW

  get state(): RtmpState {
    return this.#state
  }

  /** Takes bytes in any pieces. Throws `ProtocolError` for garbage; then the session is spent. */
  receive(bytes: Uint8Array): RtmpEvent[] {
    if (this.#state === 'closed') return []
    const events: RtmpEvent[] = []
    this.#receivedBytes += bytes.byteLength
    let chunks = bytes
    if (this.#state === 'handshake') {
      const { reply, rest } = this.#handshake.receive(bytes)
      if (reply) events.push({ type: 'reply', bytes: reply })
      if (!this.#handshake.isDone) return events
      this.#state = 'connecting'
      chunks = rest
    }
    for (const each of this.#reader.push(chunks)) this.#onMessage(each, events)
    this.#acknowledge(events)
    return events
  }

  /** The key is good: what to send. Media counts from here on. */
  accept(): Uint8Array {
    if (this.#state !== 'pending') throw new Error(`cannot accept a publisher in state ${this.#state}`)
    this.#state = 'publishing'
    return this.#writer.write(
      message.userControl(message.STREAM_BEGIN, this.#streamId),
      onStatus(this.#streamId, 'status', 'NetStream.Publish.Start', 'Publishing.'),
    )
  }

  /** There is something to play: what to send before its first message. */
  startPlaying(): Uint8Array {
    return this.#writer.write(...playStart(this.#streamId, this.#isReset))
  }

  /** One message for a player; its time is taken modulo 2^32. */
  media(type: MediaType, timestampMs: number, payload: Uint8Array): Uint8Array {
    return this.#writer.media(this.#streamId, type, timestampMs, payload)
  }

  /** What was played has ended: what to send before closing. Nothing is heard after. */
  endPlaying(): Uint8Array {
    this.#state = 'closed'
    return this.#writer.write(...playEnd(this.#streamId))
  }

  /** Refuses the peer, or dismisses an accepted one: what to send before closing. Nothing is heard after. */
  reject(code: RejectCode, description: string): Uint8Array {
    this.#state = 'closed'
    return this.#writer.write(onStatus(this.#streamId, 'error', code, description))
  }

  /** What an accepted publisher should know while it goes on; encoders show it, or look away. */
  warn(description: string): Uint8Array {
    return this.#writer.write(onStatus(this.#streamId, 'warning', 'NetStream.Publish.Warning', description))
  }

  /** A ping request, section 7.1.7. */
  ping(timestampMs: number): Uint8Array {
    return this.#writer.write(message.userControl(message.PING_REQUEST, timestampMs))
  }

  #onMessage(received: message.RtmpMessage, events: RtmpEvent[]): void {
    if (this.#state === 'closed') return
    switch (received.typeId) {
      case message.AUDIO:
        this.#onMedia('audio', received, events)
        return
      case message.VIDEO:
        this.#onMedia('video', received, events)
        return
      case message.COMMAND_AMF0:
      case message.COMMAND_AMF3:
        this.#onCommand(message.decodeMessage(received), received.streamId, events)
        return
      case message.DATA_AMF0:
      case message.DATA_AMF3:
        this.#onData(received, events)
        return
      case message.USER_CONTROL:
        this.#onUserControl(received.payload, events)
        return
      case message.WINDOW_ACKNOWLEDGEMENT_SIZE:
        if (received.payload.byteLength < 4) throw new ProtocolError('window size is cut off')
        this.#peerWindow = Math.max(1, readUint32(received.payload, 0))
        return
    }
    // Acknowledgement, SetPeerBandwidth, shared objects and whatever comes later ask nothing of an ingest.
  }

  #onMedia(kind: 'audio' | 'video', received: message.RtmpMessage, events: RtmpEvent[]): void {
    if (this.#state !== 'publishing') return
    events.push({ type: 'media', kind, timestampMs: received.timestamp, body: received.payload })
  }

  #onData(received: message.RtmpMessage, events: RtmpEvent[]): void {
    if (this.#state !== 'publishing') return
    const metadata = readMetadata(message.decodeMessage(received))
    if (metadata) events.push({ type: 'metadata', metadata })
  }

  #onCommand(values: AmfValue[], streamId: number, events: RtmpEvent[]): void {
    const [name, transaction, , argument] = values
    if (typeof name !== 'string') throw new ProtocolError('command has no name')
    const id = typeof transaction === 'number' ? transaction : 0
    if (name === 'connect') {
      this.#onConnect(id, values[2], events)
      return
    }
    if (this.#state === 'connecting') throw new ProtocolError('command before connect')
    switch (name) {
      case 'releaseStream':
      case 'FCPublish':
        this.#reply(events, message.commandMessage(0, '_result', id, null, undefined))
        return
      case 'createStream':
        if (++this.#streams > MAX_STREAMS) throw new ProtocolError('too many streams on one connection')
        this.#reply(events, message.commandMessage(0, '_result', id, null, this.#streams))
        return
      case 'publish':
        this.#onPublish(argument, streamId, events)
        return
      case 'play':
        this.#onPlay(values, streamId, events)
        return
      case 'FCUnpublish':
      case 'deleteStream':
      case 'closeStream':
        if (this.#state === 'playing') this.#onStop(events)
        else this.#onUnpublish(name, events)
        return
    }
    this.#onPlayerCommand(values, id, events)
  }

  /** Section 7.2.1.1. The chunk size comes first: ffmpeg then uses the same for what it sends. */
  #onConnect(id: number, command: AmfValue, events: RtmpEvent[]): void {
    if (this.#state !== 'connecting') throw new ProtocolError('connect a second time')
    const { app, encoder, isEnhanced } = readConnect(command)
    this.#app = app
    this.#encoder = encoder
    this.#state = 'connected'
    this.#reply(
      events,
      message.controlMessage(message.WINDOW_ACKNOWLEDGEMENT_SIZE, WINDOW),
      message.setPeerBandwidth(WINDOW),
      message.controlMessage(message.SET_CHUNK_SIZE, CHUNK_SIZE),
    )
    this.#writer.chunkSize = CHUNK_SIZE
    this.#reply(events, connectResult(id, isEnhanced))
  }

  #onPublish(name: AmfValue, streamId: number, events: RtmpEvent[]): void {
    if (this.#state !== 'connected') throw new ProtocolError('publish a second time')
    if (typeof name !== 'string') throw new ProtocolError('publish without a name')
    this.#state = 'pending'
    this.#streamId = streamId
    // Some encoders append parameters to the key.
    const [streamKey = '', query = ''] = name.split('?', 2)
    events.push({ type: 'publish', app: this.#app, streamKey, query, encoder: this.#encoder })
  }

  /** Section 7.2.2.1. A player may ask for another stream while it plays. */
  #onPlay(values: AmfValue[], streamId: number, events: RtmpEvent[]): void {
    if (this.#state === 'playing') this.#onStop(events)
    if (this.#state !== 'connected') throw new ProtocolError('play while publishing')
    const [, , , stream, , , reset] = values
    if (typeof stream !== 'string') throw new ProtocolError('play without a name')
    if (++this.#plays > MAX_PLAYS) throw new ProtocolError('play too often on one connection')
    this.#state = 'playing'
    this.#streamId = streamId
    this.#isReset = Boolean(reset)
    const [name = '', query = ''] = stream.split('?', 2)
    events.push({ type: 'play', app: this.#app, name, query })
  }

  #onStop(events: RtmpEvent[]): void {
    this.#state = 'connected'
    events.push({ type: 'stop' })
  }

  /** What only a player asks counts while it plays, but for the two that come before. Nobody waits for other answers. */
  #onPlayerCommand(values: AmfValue[], id: number, events: RtmpEvent[]): void {
    const isEarly = values[0] === 'getStreamLength' || values[0] === 'FCSubscribe'
    if (this.#state !== 'playing' && !(isEarly && this.#state === 'connected')) return
    const answer = answerPlayer(values, id, this.#streamId)
    if (!answer) return
    if (answer.messages.length > 0) this.#reply(events, ...answer.messages)
    if (answer.event) events.push(answer.event)
  }

  #onUnpublish(name: string, events: RtmpEvent[]): void {
    if (this.#state !== 'publishing' && this.#state !== 'pending') return
    const status = onStatus(this.#streamId, 'status', 'NetStream.Unpublish.Success', 'Stopped.')
    if (this.#state === 'publishing') this.#reply(events, status)
    this.#close(`the encoder stopped (${name})`, events)
  }

  #close(reason: string, events: RtmpEvent[]): void {
    this.#state = 'closed'
    events.push({ type: 'end', reason })
  }

  #onUserControl(payload: Uint8Array, events: RtmpEvent[]): void {
    if (payload.byteLength < 2) throw new ProtocolError('user control message is cut off')
    if (readUint16(payload, 0) !== message.PING_REQUEST) return
    if (payload.byteLength < 6) throw new ProtocolError('ping is cut off')
    this.#reply(events, message.userControl(message.PING_RESPONSE, readUint32(payload, 2)))
  }

  /** Section 5.4.3: one for each window received. */
  #acknowledge(events: RtmpEvent[]): void {
    if (this.#receivedBytes - this.#acknowledgedBytes < this.#peerWindow) return
    this.#acknowledgedBytes = this.#receivedBytes
    this.#reply(events, message.controlMessage(message.ACKNOWLEDGEMENT, this.#receivedBytes % 2 ** 32))
  }

  #reply(events: RtmpEvent[], ...messages: readonly message.RtmpMessage[]): void {
    events.push({ type: 'reply', bytes: this.#writer.write(...messages) })
  }
}
