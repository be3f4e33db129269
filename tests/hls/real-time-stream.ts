/** A stream fed in real time behind a real server, as one publisher after the other would. */
import { Hls } from '../../src/hls/hls.ts'
import { Broadcast } from '../../src/live/broadcast.ts'
import type { Output } from '../../src/live/output.ts'
import { EVERYBODY } from '../support/everybody.ts'
import { mountMedia } from '../support/mounted-media.ts'
import type { Encoded } from './encoder.ts'
import { log } from './live-channel.ts'

export class RealTimeStream {
  readonly hls = new Hls({ admission: EVERYBODY, log })
  readonly #server = mountMedia(this.hls.routes).listen({ idleTimeout: 5 })
  #output: Output | undefined
  #broadcast: Broadcast | undefined

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/hls/chan`
  }

  async open(id: string): Promise<void> {
    this.#output = await this.hls.openOutput({ id, channelId: 'c1', slug: 'chan' })
  }

  /** Units in the order of arrival. Resolves when the last is written, or when another publisher has taken over. */
  async publish({ tracks, units }: Encoded): Promise<void> {
    await this.#broadcast?.close()
    const broadcast = new Broadcast({ tracks, log })
    this.#broadcast = broadcast
    broadcast.addSink(this.#output!.attach(broadcast))
    const names = new Set(units.map(({ track }) => (track.kind === 'video' ? track.rendition : undefined)))
    const rungs = [...names].filter(name => name !== undefined)
    broadcast.setRungs(rungs.map(name => ({ name, width: 0, height: 0, bitrateBps: 0 })))
    const start = performance.now()
    for (const unit of units) {
      const due = start + (unit.dts / unit.track.timescale) * 1000 - performance.now()
      if (due > 0) await Bun.sleep(due)
      if (unit.track.kind === 'video' && unit.track.rendition) broadcast.writeRendition(unit)
      else broadcast.write(unit)
      if (!broadcast.isOpen) return
    }
    await broadcast.close()
  }

  async end(): Promise<void> {
    await this.#broadcast?.close()
    await this.#output?.close()
  }

  async close(): Promise<void> {
    await this.hls.close()
    await this.#server.stop(true)
  }
}
