import { beforeAll, expect, test } from 'bun:test'
import { once } from 'node:events'
import { join } from 'node:path'
import { connect } from 'node:tls'
import type { TlsPair } from '../../src/ingest/rtmp-server.ts'
import { Site } from '../flv/site.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { waitFor } from '../support/wait-for.ts'
import { open, TEST_LIMIT_MS } from './rtmp-fixture.ts'

let tls: TlsPair
let renewed: TlsPair

beforeAll(async () => {
  ;[tls, renewed] = [await selfSigned(), await selfSigned()]
})

async function selfSigned(): Promise<TlsPair> {
  await using folder = await tempFolder()
  const [key, cert] = [join(folder.path, 'key.pem'), join(folder.path, 'cert.pem')]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-keyout', key, '-out', cert]
  expect(await Bun.spawn(['openssl', ...request, ...subject], { stderr: 'ignore' }).exited).toBe(0)
  return { key: await Bun.file(key).text(), cert: await Bun.file(cert).text() }
}

test(
  'a real ffmpeg publishes over RTMPS, and another plays over it',
  async () => {
    await using site = await Site.open({ rtmp: { tls, tlsPort: 0 } })
    const url = `rtmps://127.0.0.1:${site.rtmp.tlsPort}/live`
    const picture = ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25', '-t', '2']
    const publisher = ffmpeg(...picture, '-c:v', 'libx264', '-preset', 'ultrafast', '-f', 'flv', `${url}/key`)
    expect(await publisher).toBe('')
    expect(site.live.streams).toMatchObject([{ streamKey: 'key', unitCount: 50 }])

    const fed = await site.goLive(1)
    const player = ffmpeg('-xerror', '-i', `${url}/ada`, '-t', '2', '-f', 'null', '-')
    while (site.viewerCount === 0) await Bun.sleep(10)
    for (let second = 1; second < 4; second++) site.feed(fed, second, second + 1)
    expect(await player).toBe('')
  },
  TEST_LIMIT_MS,
)

test(
  'a renewed certificate counts for who comes, and harms nobody who is there',
  async () => {
    await using site = await Site.open({ rtmp: { tls, tlsPort: 0 } })
    const fed = await site.goLive(1)
    const url = `rtmps://127.0.0.1:${site.rtmp.tlsPort}/live/ada`
    const player = ffmpeg('-xerror', '-i', url, '-t', '2', '-f', 'null', '-')
    while (site.viewerCount === 0) await Bun.sleep(10)
    const before = await certificateOf(site.rtmp.tlsPort!)
    site.rtmp.renewCertificate(renewed)
    expect(await certificateOf(site.rtmp.tlsPort!)).not.toBe(before)
    for (let second = 1; second < 4; second++) site.feed(fed, second, second + 1)
    expect(await player).toBe('')
  },
  TEST_LIMIT_MS,
)

async function certificateOf(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

test('who speaks plainly to it is closed, and harms nobody', async () => {
  await using fixture = await open({ tls, tlsPort: 0 })
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: fixture.server.tlsPort!,
    socket: { data() {}, close: () => resolve(), error: () => resolve() },
  })
  socket.write(new Uint8Array(1537).fill(3))
  await closed
  expect(fixture.logged.filter(line => JSON.parse(line).level >= 50)).toEqual([])
})

test('who never begins its handshake is closed too', async () => {
  await using fixture = await open({ tls, tlsPort: 0, deadlines: { handshakeMs: 50 } })
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  await Bun.connect({
    hostname: '127.0.0.1',
    port: fixture.server.tlsPort!,
    socket: { data() {}, close: () => resolve() },
  })
  await closed
  await waitFor(() => fixture.server.connectionCount === 0, { message: 'no connection' })
})

test('its port in use is named, with the variable that changes it, and nothing stays open', async () => {
  await using fixture = await open({ tls, tlsPort: 0 })
  const { port, tlsPort } = fixture.server
  expect(open({ tls, tlsPort: tlsPort! })).rejects.toThrow(new RegExp(`${tlsPort}.*RTMPS_PORT`))
  await fixture.server.close()
  await using again = await open({ port, tls, tlsPort: tlsPort! })
  expect(again.server.tlsPort).toBe(tlsPort)
})

/** What it complained about; '' where all was well. */
async function ffmpeg(...args: string[]): Promise<string> {
  const child = Bun.spawn(['ffmpeg', '-v', 'error', '-nostdin', ...args], { stderr: 'pipe', timeout: 30_000 })
  const errors = await new Response(child.stderr).text()
  return (await child.exited) === 0 ? errors : `${errors}status ${child.exitCode}`
}
