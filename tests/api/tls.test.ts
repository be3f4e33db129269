/** HTTPS beside plain HTTP: HTTP/2, what browsers are told, and certificates renewed while the server runs. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { connect } from 'node:tls'
import { Elysia } from 'elysia'
import { Certificate } from '../../src/certificate.ts'
import { createLog } from '../../src/log.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { openHttp2 } from '../support/http2-client.ts'
import { openPlatform, type PlatformOptions, type TestPlatform, uniqueSlug } from '../support/platform.ts'
import { type SelfSigned, selfSigned } from '../support/self-signed.ts'
import { type TempFolder, tempFolder } from '../support/temp-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const log = createLog('silent')
const tls = { httpsPort: 0, rtmpsPort: 1936 }
const insecure = { tls: { rejectUnauthorized: false } }

let opened: TestDatabase
let folder: TempFolder
let files: SelfSigned
let certificate: Certificate
let platform: TestPlatform
let held = Promise.withResolvers<string>()

const routes = () =>
  new Elysia()
    .get('/held', () => held.promise)
    .get('/drip', async function* () {
      for (const piece of ['one', 'two', 'three']) {
        yield piece
        await held.promise
      }
    })
    .get('/:slug', () => new Response('<p>page</p>', { headers: { 'content-type': 'text/html' } }))
    .ws('/echo', { message: (socket, message) => void socket.send(`echo ${message}`) })

const open = (options: PlatformOptions = {}) =>
  openPlatform(opened.database, { plugins: [routes()], tls, certificate, ...options })
const secureUrl = ({ server }: TestPlatform) => `https://127.0.0.1:${server.httpsPort}`

beforeAll(async () => {
  opened = await openTestDatabase('pglite')
  folder = await tempFolder()
  files = await selfSigned(folder.path, 'first')
  certificate = await Certificate.open({ ...files, log, checkMs: 20 })
  platform = await open()
}, 30_000)
afterAll(async () => {
  await platform[Symbol.asyncDispose]()
  certificate.close()
  await folder.remove()
  await opened[Symbol.asyncDispose]()
})

test('HTTP/2 on one connection: a held request lets others pass, and a stream comes in pieces', async () => {
  held = Promise.withResolvers()
  await using client = await openHttp2(secureUrl(platform))
  expect(client.protocol).toBe('h2')
  const waiting = client.get('/held')
  const first = Promise.withResolvers<string>()
  const dripping = client.get('/drip', bytes => first.resolve(bytes.toString()))
  expect(await first.promise).toContain('one')
  expect((await client.get('/healthz')).body.toString()).toContain('ok')
  held.resolve('at last')
  expect((await waiting).body.toString()).toBe('at last')
  expect((await dripping).body.toString()).toContain('three')
})

test('HTTP/1.1 over TLS and plain HTTP are answered as before, WebSockets too', async () => {
  for (const url of [platform.url, secureUrl(platform)]) {
    expect((await fetch(`${url}/healthz`, insecure)).status).toBe(200)
    const answer = Promise.withResolvers<unknown>()
    const socket = new WebSocket(`${url.replace('http', 'ws')}/echo`, insecure as never)
    socket.onopen = () => socket.send('hello')
    socket.onmessage = event => answer.resolve(event.data)
    socket.onerror = event => answer.reject(new Error(`${url}: ${(event as ErrorEvent).message}`))
    expect(await answer.promise).toBe('echo hello')
    socket.close()
  }
})

test('over https the session cookie never leaves it; without a public address the plain port stays reachable', async () => {
  const credentials = { username: `u_${uniqueSlug().slice(2)}`, password: 'correct horse battery' }
  const response = await fetch(`${secureUrl(platform)}/trpc/auth.signUp`, {
    ...insecure,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(credentials),
  })
  expect(response.headers.get('set-cookie')).toMatch(/^__Host-sluice_session=.*; Secure/)
  expect(response.headers.get('strict-transport-security')).toBeNull()
  const page = await fetch(`${platform.url}/alice`, { headers: { accept: 'text/html' }, redirect: 'manual' })
  expect(page.status).toBe(200)
})

test('with an https PUBLIC_URL pages are sent there and stay there; players and programs are not', async () => {
  const publicUrl = new URL('https://live.example:8443')
  await using strict = await open({ http: { publicUrl } })
  const ask = (path: string, headers: Record<string, string>, url = strict.url) =>
    fetch(`${url}${path}`, { ...insecure, headers, redirect: 'manual' })
  const host = 'live.example:8443'
  const page = await ask('/alice?x=1', { host, accept: 'text/html,*/*' })
  expect([page.status, page.headers.get('location')]).toEqual([307, 'https://live.example:8443/alice?x=1'])
  expect((await ask('/healthz', { host, accept: '*/*' })).status).toBe(200)
  expect((await ask('/alice', { accept: 'text/html' })).status).toBe(200)
  const secure = await ask('/alice', { host, accept: 'text/html' }, secureUrl(strict))
  expect([secure.status, secure.headers.get('strict-transport-security')]).toEqual([200, 'max-age=31536000'])
  await using proxied = await open({ http: { publicUrl, trustedProxyHops: 1 } })
  expect((await ask('/alice', { host, accept: 'text/html' }, proxied.url)).status).toBe(200)
})

test('a taken HTTPS_PORT is named, and nothing is left listening', async () => {
  const { httpsPort } = platform.server
  const failed = await open({ tls: { ...tls, httpsPort: httpsPort! } }).catch(error => error as Error)
  expect(String(failed)).toContain(`Port ${httpsPort} is in use. Set HTTPS_PORT`)
})

test('a renewed certificate is served at once; requests under way are answered; half of a pair changes nothing', async () => {
  held = Promise.withResolvers()
  const port = platform.server.httpsPort!
  const client = await openHttp2(secureUrl(platform))
  const waiting = client.get('/held')
  expect(await commonName(port)).toBe('CN=first')
  await using second = await tempFolder()
  const renewed = await selfSigned(second.path, 'second')
  const warned = Promise.withResolvers<void>()
  await using third = await tempFolder()
  const strict = await selfSigned(third.path, 'third')
  const watched = await Certificate.open({
    ...strict,
    checkMs: 10,
    log: createLog('warn', { write: () => warned.resolve() }),
  })
  await Bun.write(strict.keyFile, Bun.file(renewed.keyFile))
  await warned.promise
  expect(new X509Certificate(watched.pair.cert).subject).toBe('CN=third')
  watched.close()

  await rename(renewed.certFile, files.certFile)
  await rename(renewed.keyFile, files.keyFile)
  await waitFor(async () => (await commonName(port)) === 'CN=second', { message: 'the new certificate' })
  held.resolve('answered on the former connection')
  expect((await waiting).body.toString()).toBe('answered on the former connection')
  expect(platform.server.httpsPort).toBe(port)
  await client[Symbol.asyncDispose]()
  await using again = await openHttp2(secureUrl(platform))
  expect((await again.get('/healthz')).status).toBe(200)
})

test('files that are no certificate, or do not belong together, are named with their variable', async () => {
  await using other = await tempFolder()
  const { certFile, keyFile } = await selfSigned(other.path)
  const open = (changed: Partial<SelfSigned>) =>
    Certificate.open({ certFile, keyFile, ...changed, log }).then(
      opened => opened.close() ?? 'opened',
      (error: Error) => error.message,
    )
  expect(await open({})).toBe('opened')
  expect(await open({ certFile: keyFile })).toContain('TLS_CERT_FILE')
  expect(await open({ keyFile: certFile })).toContain('TLS_KEY_FILE')
  expect(await open({ keyFile: files.keyFile })).toContain('is not the one of the certificate')
})

/** Of the certificate that a new connection gets. */
function commonName(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
  socket.once('secureConnect', () => {
    resolve(`CN=${socket.getPeerCertificate().subject.CN}`)
    socket.destroy()
  })
  socket.once('error', reject)
  return promise
}
