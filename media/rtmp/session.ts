/** Hides RTMP's conversation with a publisher (Adobe RTMP 1.0, section 7.2): bytes in, events and answers out. */
import { concatBytes, readUint16, readUint32 } from '../bytes.ts'
import { ProtocolError } from '../protocol-error.ts'
import { type AmfObject, type AmfValue, decodeAmf0, isAmfObject } from './amf0.ts'
import { ChunkReader, ChunkWriter } from './chunk.ts'
import { ServerHandshake } from './handshake.ts'
import * as message from './message.ts'
import { type PublisherMetadata, readMetadata } from './metadata.ts'

/** `pending`: the publisher waits for `accept` or `reject`. `closed`: nothing it sends is looked at any more. */
export type RtmpState = 'handshake' | 'connecting' | 'connected' | 'pending' | 'publishing' | 'closed'

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
  | { readonly type: 'metadata'; readonly metadata: PublisherMetadata }
  | {
      readonly type: 'media'
      readonly kind: 'audio' | 'video'
      readonly timestampMs: number
      readonly body: Uint8Array
    }
  /** The publisher has said that it stops, or asked for what is not offered: flush and close. */
  | { readonly type: 'end'; readonly reason: string }

export type RejectCode =
  | 'NetStream.Publish.Denied'
  | 'NetStream.Publish.BadName'
  | 'NetStream.Publish.Rejected'

const WINDOW = 2_500_000
const CHUNK_SIZE = 65_536
const CONTROL_CHUNKS = 2
const COMMAND_CHUNKS = 3
const STREAM_CHUNKS = 5
const MAX_STREAMS = 8
const MAX_COMMAND_BYTES = 262_144
/** Enhanced RTMP v2: what may be sent to us ("can forward" = 4), and that ModEx is understood (capsEx 4). */
const ENHANCED: AmfObject = {
  fourCcList: ['avc1', 'mp4a'],
  videoFourCcInfoMap: { avc1: 4 },
  audioFourCcInfoMap: { mp4a: 4 },
  capsEx: 4,
}

/** One connection, server side. No socket and no clock: its owner moves the bytes and keeps the deadlines. */
export class RtmpSession {
  readonly #handshake = new ServerHandshake()
  readonly #reader = new ChunkReader()
  readonly #writer = new ChunkWriter()
  #state: RtmpState = 'handshake'
  #app = ''
  #encoder: string | undefined
  #streams = 0
  #publishStreamId = 0
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
    return concatBytes([
      this.#control(message.userControl(message.STREAM_BEGIN, this.#publishStreamId)),
      this.#status('status', 'NetStream.Publish.Start', 'Publishing.'),
    ])
  }

  /** Refuses the publisher, or dismisses an accepted one: what to send before closing. Nothing is heard after. */
  reject(code: RejectCode, description: string): Uint8Array {
    this.#state = 'closed'
    return this.#status('error', code, description)
  }

  /** A ping request, section 7.1.7. */
  ping(timestampMs: number): Uint8Array {
    return this.#control(message.userControl(message.PING_REQUEST, timestampMs))
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
        this.#onCommand(decodeMessage(received), received.streamId, events)
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
    const metadata = readMetadata(decodeMessage(received))
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
      case 'play2':
        this.#onPlay(streamId, events)
        return
      case 'FCUnpublish':
      case 'deleteStream':
      case 'closeStream':
        this.#onUnpublish(name, events)
        return
    }
    // getStreamLength, _checkbw and the like: nobody waits for an answer.
  }

  /** Section 7.2.1.1. The chunk size comes first: ffmpeg then uses the same for what it sends. */
  #onConnect(id: number, command: AmfValue, events: RtmpEvent[]): void {
    if (this.#state !== 'connecting') throw new ProtocolError('connect a second time')
    if (!isAmfObject(command) || typeof command['app'] !== 'string')
      throw new ProtocolError('connect without app')
    this.#app = command['app'].split('?')[0]!.replace(/\/+$/, '')
    this.#encoder = typeof command['flashVer'] === 'string' ? command['flashVer'].slice(0, 200) : undefined
    const isEnhanced = ['fourCcList', 'videoFourCcInfoMap', 'audioFourCcInfoMap', 'capsEx'].some(
      key => key in command,
    )
    this.#state = 'connected'
    events.push({
      type: 'reply',
      bytes: concatBytes([
        this.#control(message.controlMessage(message.WINDOW_ACKNOWLEDGEMENT_SIZE, WINDOW)),
        this.#control(message.setPeerBandwidth(WINDOW)),
        this.#control(message.controlMessage(message.SET_CHUNK_SIZE, CHUNK_SIZE)),
      ]),
    })
    this.#writer.chunkSize = CHUNK_SIZE
    const properties = { fmsVer: 'FMS/3,5,7,7009', capabilities: 31 }
    const information: AmfObject = {
      level: 'status',
      code: 'NetConnection.Connect.Success',
      description: 'Connected.',
      objectEncoding: 0,
      ...(isEnhanced && ENHANCED),
    }
    this.#reply(events, message.commandMessage(0, '_result', id, properties, information))
  }

  #onPublish(name: AmfValue, streamId: number, events: RtmpEvent[]): void {
    if (this.#state !== 'connected') throw new ProtocolError('publish a second time')
    if (typeof name !== 'string') throw new ProtocolError('publish without a name')
    this.#state = 'pending'
    this.#publishStreamId = streamId
    // Some encoders append parameters to the key.
    const [streamKey = '', query = ''] = name.split('?', 2)
    events.push({ type: 'publish', app: this.#app, streamKey, query, encoder: this.#encoder })
  }

  #onPlay(streamId: number, events: RtmpEvent[]): void {
    this.#publishStreamId = streamId
    const description = 'Playing over RTMP is not offered here: watch on the web page, over WebRTC or HLS.'
    events.push({ type: 'reply', bytes: this.#status('error', 'NetStream.Play.Failed', description) })
    this.#close('play is not offered', events)
  }

  #onUnpublish(name: string, events: RtmpEvent[]): void {
    if (this.#state !== 'publishing' && this.#state !== 'pending') return
    const status = this.#status('status', 'NetStream.Unpublish.Success', 'Stopped.')
    if (this.#state === 'publishing') events.push({ type: 'reply', bytes: status })
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
    const pong = message.userControl(message.PING_RESPONSE, readUint32(payload, 2))
    events.push({ type: 'reply', bytes: this.#control(pong) })
  }

  /** Section 5.4.3: one for each window received. */
  #acknowledge(events: RtmpEvent[]): void {
    if (this.#receivedBytes - this.#acknowledgedBytes < this.#peerWindow) return
    this.#acknowledgedBytes = this.#receivedBytes
    const acknowledgement = message.controlMessage(message.ACKNOWLEDGEMENT, this.#receivedBytes % 2 ** 32)
    events.push({ type: 'reply', bytes: this.#control(acknowledgement) })
  }

  /** Section 7.2.2: onStatus on the publisher's stream. */
  #status(level: 'status' | 'error', code: string, description: string): Uint8Array {
    const information = { level, code, description }
    const status = message.commandMessage(this.#publishStreamId, 'onStatus', 0, null, information)
    return this.#writer.write(STREAM_CHUNKS, status)
  }

  #control(control: message.RtmpMessage): Uint8Array {
    return this.#writer.write(CONTROL_CHUNKS, control)
  }

  #reply(events: RtmpEvent[], command: message.RtmpMessage): void {
    events.push({ type: 'reply', bytes: this.#writer.write(COMMAND_CHUNKS, command) })
  }
}

/** The AMF0 values of a command or data message; those for AMF3 have one byte before them, section 7.1.1. */
function decodeMessage({ typeId, payload }: message.RtmpMessage): AmfValue[] {
  if (payload.byteLength > MAX_COMMAND_BYTES) throw new ProtocolError('command is too long')
  const isAmf3 = typeId === message.COMMAND_AMF3 || typeId === message.DATA_AMF3
  return decodeAmf0(isAmf3 ? payload.subarray(1) : payload)
}
