/** How the instances that have one room open hear each other. */
import type { Log } from '../log.ts'
import type { Bus } from '../redis/bus.ts'
import { type RoomText, readText, topicOf, writeText } from './room-texts.ts'

export interface RoomWireOptions {
  readonly channelId: string
  readonly bus: Bus
  /** Tells this process's own texts from others'. */
  readonly instanceId: string
  readonly log: Log
}

export class RoomWire {
  readonly #options: RoomWireOptions
  /** What came before anybody obeyed. */
  #early: RoomText[] = []
  #obey: ((text: RoomText) => Promise<void>) | undefined
  #stop: () => void = () => {}

  private constructor(options: RoomWireOptions) {
    this.#options = options
  }

  /** Hears from now on: what is read afterwards leaves no gap. */
  static async open(options: RoomWireOptions): Promise<RoomWire> {
    const wire = new RoomWire(options)
    wire.#stop = await options.bus.subscribe(topicOf(options.channelId), text => wire.#hear(text))
    return wire
  }

  /** Has `obey` told what the others say, and have said since it was opened. */
  start(obey: (text: RoomText) => Promise<void>): void {
    this.#obey = obey
    for (const text of this.#early.splice(0)) this.#tell(text)
  }

  publish(text: RoomText): void {
    const { bus, channelId, instanceId } = this.#options
    // While the bus is away the others read what is stored.
    bus.publish(topicOf(channelId), writeText(instanceId, text)).catch(() => {})
  }

  close(): void {
    this.#stop()
  }

  #hear(text: string): void {
    try {
      const said = readText(this.#options.instanceId, text)
      if (!said) return
      if (this.#obey) this.#tell(said)
      else this.#early.push(said)
    } catch (error) {
      this.#fail(error)
    }
  }

  #tell(text: RoomText): void {
    this.#obey?.(text).catch(error => this.#fail(error))
  }

  #fail(err: unknown): void {
    const { log, channelId } = this.#options
    log.warn({ err, channelId }, 'a text of another instance was lost')
  }
}
