/** Media routes as the product's server has them: without a network, or behind a server on a free port. */
import { MediaRouter } from '../../src/api/media-router.ts'
import { problemOf } from '../../src/api/problem.ts'
import { createLog, type Log } from '../../src/log.ts'
import type { Connection, MediaRoutes } from '../../src/media-request.ts'

export interface MountedMedia {
  handle(request: Request, connection?: Connection): Promise<Response>
  /** The caller stops it. */
  listen(options?: { idleTimeout?: number }): Bun.Server<undefined>
}

export function mountMedia(routes: MediaRoutes, log: Log = createLog('silent')): MountedMedia {
  const router = new MediaRouter(routes, (error, request) => problemOf(error, request, log))
  const handle = async (request: Request, connection?: Connection) =>
    router.answer(request, connection ?? null) ?? new Response('no such route', { status: 404 })
  const listen = ({ idleTimeout = 120 } = {}) =>
    Bun.serve({ hostname: '127.0.0.1', port: 0, idleTimeout, fetch: handle })
  return { handle, listen }
}
