/** The server around the routes: hosts, origins, headers, errors, limits, and its start and end. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Elysia } from 'elysia'
import { ProtocolError } from '../../media/protocol-error.ts'
import { AppError } from '../../src/errors.ts'
import { ApiCaller } from '../support/api.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { openPlatform, type TestPlatform, uniqueSlug } from '../support/platform.ts'

let opened: TestDatabase
let platform: TestPlatform

const routes = new Elysia()
  .get('/secret/*', () => 'secret')
  .get('/:slug', ({ params }) => `page of ${params.slug}`)
  .get('/embed/:slug', () => new Response('<p>player</p>', { headers: { 'content-type': 'text/html' } }))
  .get(
    '/own-policy',
    () => new Response('', { headers: { 'content-security-policy': "default-src 'none'" } }),
  )
  .post('/echo', ({ body }) => String((body as string).length), { parse: 'text' })
  .get('/fails/:how', ({ params }) => {
    if (params.how === 'busy') throw new AppError('LIMIT', 'rate_limited', 'Wait.', { retryAfterSeconds: 7 })
    if (params.how === 'garbage') throw new ProtocolError('bad bytes')
    throw new Error('password=hunter2')
  })

beforeAll(async () => {
  opened = await openTestDatabase('pglite')
  platform = await openPlatform(opened.database, { plugins: [routes] })
}, 30_000)
afterAll(async () => {
  await platform[Symbol.asyncDispose]()
  await opened[Symbol.asyncDispose]()
})

/** One request as bytes, so that nothing corrects it; answers status and body. */
async function raw(port: number, request: string): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open: socket => void socket.write(request),
      data: (_socket, bytes) => {
        text += bytes.toString('latin1')
      },
      close: () => resolve(text),
      error: (_socket, error) => reject(error),
    },
  })
  const answer = await promise
  return { status: Number(answer.split(' ')[1]), body: answer.slice(answer.indexOf('\r\n\r\n') + 4) }
}

const get = (path: string, host: string | undefined) =>
  `GET ${path} HTTP/1.1\r\n${host === undefined ? '' : `Host: ${host}\r\n`}Connection: close\r\n\r\n`

test.each([
  'x',
  'a:1',
  'x/secret',
  '',
  'a b.example',
  'user@host.example',
  '-.-',
  'host.example:port',
  '[::1',
])('no route is reached with the host %j', async host => {
  const { port } = platform.server
  const { status, body } = await raw(port, get('/abc/secret/y', host))
  expect(status).toBe(400)
  expect(body).not.toBe('secret')
})

test('a request without host reaches no route', async () => {
  expect((await raw(platform.server.port, get('/secret/y', undefined))).status).toBe(400)
})

test.each([
  'localhost',
  'localhost:3000',
  '127.0.0.1:3000',
  '[::1]:3000',
  'stream.example',
  '192.168.1.20:3000',
])('without PUBLIC_URL the host %j is answered', async host => {
  const { status, body } = await raw(platform.server.port, get('/secret/y', host))
  expect([status, body]).toEqual([200, 'secret'])
})

test('with PUBLIC_URL its host and loopback are answered, and nothing else', async () => {
  const publicUrl = new URL('https://live.example')
  await using strict = await openPlatform(opened.database, { plugins: [routes], http: { publicUrl } })
  const statusOf = async (host: string) => (await raw(strict.server.port, get('/secret/y', host))).status
  expect(await statusOf('live.example')).toBe(200)
  expect(await statusOf(`localhost:${strict.server.port}`)).toBe(200)
  const refused = await raw(strict.server.port, get('/secret/y', 'evil.example'))
  expect(refused.status).toBe(421)
  expect(JSON.parse(refused.body).detail).toContain('PUBLIC_URL')
  const absolute = await raw(strict.server.port, get('http://live.example/secret/y', 'evil.example'))
  expect(absolute.status).toBe(421)
})

test('a cookie changes nothing when another site caused the request', async () => {
  const browser = new ApiCaller(platform.url)
  await browser.mutate('auth.signUp', {
    username: `u_${uniqueSlug().slice(2)}`,
    password: 'correct horse battery',
  })
  const create = async (headers: Record<string, string>) =>
    (await browser.mutate('channels.create', { slug: uniqueSlug(), title: 't' }, headers)).status
  const own = platform.url
  expect(await create({ 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' })).toBe(403)
  expect(await create({ 'sec-fetch-site': 'same-site', origin: own })).toBe(403)
  expect(await create({ origin: 'https://evil.example' })).toBe(403)
  expect(await create({ origin: 'null' })).toBe(403)
  expect(await create({ 'content-type': 'text/plain' })).toBe(415)
  expect(await create({ 'content-type': 'multipart/form-data; boundary=x' })).toBe(415)
  expect((await browser.query('channels.mine')).data).toEqual({ items: [] })
  expect(await create({ 'sec-fetch-site': 'same-origin', origin: own })).toBe(200)
  expect(await create({ origin: own })).toBe(200)
  expect(await create({})).toBe(200)
  const { cookie } = browser
  const byGet = await fetch(`${own}/trpc/auth.signOut?input={}`, { headers: { cookie: cookie! } })
  expect(byGet.status).toBe(405)
  expect((await browser.query('auth.me')).data).not.toBeNull()
})

test('answers carry the security headers; only the embedded player may be framed; a route may set its own', async () => {
  const headersOf = async (path: string) => (await fetch(`${platform.url}${path}`)).headers
  const page = await headersOf('/alice')
  expect(page.get('x-content-type-options')).toBe('nosniff')
  expect(page.get('referrer-policy')).toBe('strict-origin-when-cross-origin')
  expect(page.get('content-security-policy')).toContain("script-src 'self'; ")
  expect(page.get('content-security-policy')).toContain("frame-ancestors 'none'")
  expect((await headersOf('/embed/alice')).get('content-security-policy')).toContain('frame-ancestors *')
  expect((await headersOf('/own-policy')).get('content-security-policy')).toBe("default-src 'none'")
  for (const path of ['/healthz', '/nothing/here', '/trpc/playback.clock', '/docs/json'])
    expect((await headersOf(path)).get('x-content-type-options')).toBe('nosniff')
})

test('errors are problem details, and a bug keeps its words to itself', async () => {
  const shown = async (path: string) => {
    const response = await fetch(`${platform.url}${path}`)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    return { body: await response.json(), retryAfter: response.headers.get('retry-after') }
  }
  expect(await shown('/fails/busy')).toEqual({
    body: {
      type: 'about:blank',
      title: 'Too Many Requests',
      status: 429,
      detail: 'Wait.',
      reason: 'rate_limited',
    },
    retryAfter: '7',
  })
  expect((await shown('/fails/garbage')).body).toMatchObject({ status: 400, reason: 'malformed' })
  expect((await shown('/fails/bug')).body).toEqual({
    type: 'about:blank',
    title: 'Internal Server Error',
    status: 500,
    detail: 'Something went wrong on the server.',
    reason: 'internal',
  })
  expect((await shown('/nothing/here')).body).toMatchObject({ status: 404, reason: 'not_found' })
})

test('a body over the limit is refused, with and without a stated length', async () => {
  const post = (body: string | ReadableStream) =>
    fetch(`${platform.url}/echo`, { method: 'POST', body, headers: { 'content-type': 'text/plain' } }).then(
      response => response.status,
      () => 'cut off',
    )
  expect(await post('x'.repeat(1_000))).toBe(200)
  expect(await post('x'.repeat(600 * 1024))).toBe(413)
  const endless = new ReadableStream({ pull: controller => controller.enqueue(new Uint8Array(64 * 1024)) })
  expect(await post(endless)).toBe(411)
  expect((await fetch(`${platform.url}/healthz`)).status).toBe(200)
})

test('liveness, readiness and metrics', async () => {
  const health = await fetch(`${platform.url}/healthz`)
  expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }])
  const ready = await fetch(`${platform.url}/readyz`)
  expect([ready.status, await ready.json()]).toEqual([200, { status: 'ok', checks: { database: 'ok' } }])
  const metrics = await fetch(`${platform.url}/metrics`)
  expect(metrics.headers.get('content-type')).toStartWith('text/plain; version=0.0.4')
  const text = await metrics.text()
  for (const name of [
    'sluice_live_streams 0',
    'sluice_viewers 0',
    'nodejs_eventloop_lag_p99_seconds',
    'process_cpu_',
  ])
    expect(text).toContain(name)
})

test('it is not ready when something it needs fails', async () => {
  const checks = { database: async () => {}, workers: () => Promise.reject(new Error('worker died')) }
  await using broken = await openPlatform(opened.database, { checks })
  const response = await fetch(`${broken.url}/readyz`)
  expect(response.status).toBe(503)
  expect(await response.json()).toEqual({ status: 'failed', checks: { database: 'ok', workers: 'failed' } })
})

test('a port in use is named with the variable that changes it', async () => {
  const { port } = platform.server
  const error = await openPlatform(opened.database, { http: { port } }).catch(error => error as Error)
  expect(String(error)).toContain(`Port ${port} is in use. Set PORT`)
})

test('it closes twice, and its port is free at once', async () => {
  const first = await openPlatform(opened.database)
  const { port } = first.server
  await first.server.close()
  await first.server.close()
  await first[Symbol.asyncDispose]()
  await using again = await openPlatform(opened.database, { http: { port } })
  expect(again.server.port).toBe(port)
})

test('it closes while a client holds a request open', async () => {
  const held = Promise.withResolvers<string>()
  const entered = Promise.withResolvers<void>()
  const slow = new Elysia().get('/slow/held', () => {
    entered.resolve()
    return held.promise
  })
  const busy = await openPlatform(opened.database, { plugins: [slow] })
  const request = fetch(`${busy.url}/slow/held`).then(
    response => response.status,
    () => 'cut off',
  )
  await entered.promise
  await busy[Symbol.asyncDispose]()
  expect(await request).toBe('cut off')
  held.resolve('late')
})

test('a page of another site may use the API by token, but never with the session cookie', async () => {
  const origin = 'https://frontend.example'
  const url = `${platform.url}/trpc/auth.signUp`
  const preflight = await fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    },
  })
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-headers')).toContain('Authorization')
  const answer = await fetch(url, {
    method: 'POST',
    headers: { origin, 'sec-fetch-site': 'cross-site', 'content-type': 'application/json' },
    body: JSON.stringify({
      username: uniqueSlug().replaceAll('-', '_').slice(0, 20),
      password: 'correct horse battery',
    }),
  })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
})
