/** The other side of an RTMP session, written out by hand: what it sends, and what it hears. */
import { type AmfObject, type AmfValue, decodeAmf0 } from '../../../media/rtmp/amf0.ts'
import { ChunkReader, ChunkWriter } from '../../../media/rtmp/chunk.ts'
import { commandMessage, type RtmpMessage } from '../../../media/rtmp/message.ts'
import { type RtmpEvent, RtmpSession } from '../../../media/rtmp/session.ts'

/** S0, S1 and S2. */
export const HELLO = 1 + 1536 + 1536

export class Peer {
  readonly session = new RtmpSession()
  readonly heard: RtmpMessage[] = []
  readonly #writer = new ChunkWriter()
  readonly #reader = new ChunkReader()
  #isGreeted = false

  send(bytes: Uint8Array): RtmpEvent[] {
    const events = this.session.receive(bytes)
    for (const event of events) if (event.type === 'reply') this.hear(event.bytes)
    return events.filter(event => event.type !== 'reply')
  }

  hear(bytes: Uint8Array): void {
    const isHello = !this.#isGreeted
    this.#isGreeted = true
    this.heard.push(...this.#reader.push(isHello ? bytes.subarray(HELLO) : bytes))
  }

  command(...values: AmfValue[]): RtmpEvent[] {
    return this.message(commandMessage(0, ...values))
  }

  message(message: RtmpMessage): RtmpEvent[] {
    return this.send(this.#writer.write(3, message))
  }

  greet(): this {
    this.send(Buffer.concat([Uint8Array.of(3), new Uint8Array(3072)]))
    return this
  }

  connect(extra: AmfObject = {}): this {
    this.greet().command('connect', 1, { app: 'live', flashVer: 'test/1', ...extra })
    return this
  }

  publish(name = 'key'): RtmpEvent[] {
    return this.command('publish', 5, null, name, 'live')
  }

  publishing(): this {
    this.connect().publish()
    this.hear(this.session.accept())
    return this
  }

  /** The commands heard, decoded. */
  get commands(): AmfValue[][] {
    return this.heard.filter(each => each.typeId === 20).map(each => decodeAmf0(each.payload))
  }

  get lastStatus(): AmfObject {
    return this.commands.findLast(each => each[0] === 'onStatus')?.[3] as AmfObject
  }
}

export const media = (typeId: number): RtmpMessage => ({
  typeId,
  streamId: 1,
  timestamp: 7,
  payload: Uint8Array.of(0x17, 1),
})
