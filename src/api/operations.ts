/** What operators and their machines ask: is it alive, is it ready, how does it do. */
import { Elysia } from 'elysia'
import type { Registry } from 'prom-client'
import type { Log } from '../log.ts'

const CHECK_TIMEOUT_MS = 2_000

/** Rejects when the thing is not usable. */
export type ReadinessCheck = () => Promise<unknown>

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
