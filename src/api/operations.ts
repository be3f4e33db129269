/** What operators and their machines ask: is it alive, is it ready, how does it do. */
import { Elysia } from 'elysia'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Live } from '../live/live.ts'
import type { Delays, ViewerDelays } from '../live/viewer-delays.ts'
import type { Log } from '../log.ts'

const CHECK_TIMEOUT_MS = 2_000
/** The default of 10 ms would be half of what an idle server costs. */
const EVENT_LOOP_SAMPLE_MS = 50
/** So many streams, those with the most viewers, have time series of their own. */
const MAX_STREAM_SERIES = 100

/** Rejects when the thing is not usable. */
export type ReadinessCheck = () => Promise<unknown>

type Running = Pick<Live, 'list'>

/** A registry of its own with the process's metrics (event-loop delay among them), what is live, and viewers' delay. */
export function createMetrics(live: Running, delays: ViewerDelays): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS })
  new Gauge({
    name: 'sluice_live_streams',
    help: 'Streams that run on this instance',
    registers: [registry],
    collect() {
      this.set(live.list().length)
    },
  })
  new Gauge({
    name: 'sluice_viewers',
    help: 'Viewers of all streams on this instance',
    registers: [registry],
    collect() {
      this.set(live.list().reduce((sum, stream) => sum + stream.viewerCount, 0))
    },
  })
  addDelayMetrics(registry, live, delays)
  return registry
}

/**
 * Gauges, since the quantiles are of the viewers at this moment. A stream's are a metric of their own: under one name,
 * a sum over its labels would count every viewer twice.
 */
function addDelayMetrics(registry: Registry, live: Running, delays: ViewerDelays): void {
  const registers = [registry]
  const ofAll = () => delays.of(live.list().map(stream => stream.identity.id))
  new Gauge({
    name: 'sluice_viewer_delay_seconds',
    help: 'Delay from the camera to the screen, over the viewers of all streams',
    labelNames: ['protocol', 'quantile'],
    registers,
    collect() {
      this.reset()
      setQuantiles(this, ofAll(), {})
    },
  })
  new Gauge({
    name: 'sluice_viewer_delay_viewers',
    help: 'Viewers whose player has told its delay in the last 30 s',
    labelNames: ['protocol'],
    registers,
    collect() {
      const all = ofAll()
      for (const protocol of ['webrtc', 'hls'] as const) this.set({ protocol }, all[protocol]?.viewers ?? 0)
    },
  })
  new Gauge({
    name: 'sluice_stream_viewer_delay_seconds',
    help: `Delay from the camera to the screen of a stream's viewers; the ${MAX_STREAM_SERIES} streams with the most viewers`,
    labelNames: ['slug', 'protocol', 'quantile'],
    registers,
    collect() {
      this.reset()
      const ranked = live.list().sort((a, b) => b.viewerCount - a.viewerCount)
      for (const { identity } of ranked.slice(0, MAX_STREAM_SERIES))
        setQuantiles(this, delays.of([identity.id]), { slug: identity.slug })
    },
  })
}

function setQuantiles(gauge: Gauge, delays: Delays, labels: Record<string, string>): void {
  for (const [protocol, { p50Ms, p95Ms }] of Object.entries(delays)) {
    gauge.set({ ...labels, protocol, quantile: '0.5' }, p50Ms / 1000)
    gauge.set({ ...labels, protocol, quantile: '0.95' }, p95Ms / 1000)
  }
}

/** `/healthz`, `/readyz`, `/metrics`. A check that takes longer than 2 s has failed. */
export function operations(options: { checks: Record<string, ReadinessCheck>; metrics: Registry; log: Log }) {
  const { checks, metrics, log } = options
  return new Elysia({ name: 'operations' })
    .get('/healthz', () => ({ status: 'ok' }), {
      detail: { tags: ['operations'], summary: 'The process is alive', operationId: 'healthz' },
    })
    .get(
      '/readyz',
      async ({ set }) => {
        const results = await Promise.all(
          Object.entries(checks).map(
            async ([name, check]) => [name, await isReady(name, check, log)] as const,
          ),
        )
        const isAllReady = results.every(([, isUp]) => isUp)
        set.status = isAllReady ? 200 : 503
        const states = results.map(([name, isUp]) => [name, isUp ? 'ok' : 'failed'])
        return { status: isAllReady ? 'ok' : 'failed', checks: Object.fromEntries(states) }
      },
      {
        detail: {
          tags: ['operations'],
          summary: 'It can serve; 503 says what it lacks',
          operationId: 'readyz',
        },
      },
    )
    .get(
      '/metrics',
      async () => new Response(await metrics.metrics(), { headers: { 'content-type': metrics.contentType } }),
      { detail: { tags: ['operations'], summary: 'Prometheus metrics', operationId: 'metrics' } },
    )
}

async function isReady(name: string, check: ReadinessCheck, log: Log): Promise<boolean> {
  const timeout = Promise.withResolvers<never>()
  const timer = setTimeout(() => timeout.reject(new Error('it took too long')), CHECK_TIMEOUT_MS)
  try {
    await Promise.race([check(), timeout.promise])
    return true
  } catch (err) {
    log.warn({ err, check: name }, 'not ready')
    return false
  } finally {
    clearTimeout(timer)
  }
}
