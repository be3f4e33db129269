/** Sluice itself, as the benchmark sees it. */
import { type Sluice, startSluice } from '../../support/sluice.ts'
import type { System } from './system.ts'

/** What only Sluice has: channels whose settings can be changed. */
export interface SluiceSystem extends System {
  readonly sluice: Sluice
}

/** `program`: instead of the product's own. */
export async function openSluice(
  env: Readonly<Record<string, string>> = {},
  program?: string,
): Promise<SluiceSystem> {
  const sluice = await startSluice({ env: { LADDER: 'auto', ...env }, ...(program && { program }) })
  let channels = 0
  return {
    name: 'Sluice',
    sluice,
    pid: sluice.pid,
    reencodes: true,
    async newStream() {
      const channel = await sluice.createChannel(`bench-${++channels}`)
      return {
        publish: channel.publishUrl,
        whep: channel.whepUrl,
        playerPage: channel.embedUrl,
        hls: channel.hlsUrl,
      }
    },
    async eventLoopP99Ms() {
      const seconds = await sluice.metric('nodejs_eventloop_lag_p99_seconds')
      return seconds === undefined ? undefined : seconds * 1000
    },
    async liveStreams() {
      const { items } = await sluice.client.streams.live.query({ limit: 100 })
      return items.filter(stream => stream.status === 'live').length
    },
    [Symbol.asyncDispose]: () => sluice[Symbol.asyncDispose](),
  }
}
