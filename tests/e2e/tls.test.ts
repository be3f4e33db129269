/** With a certificate: everything over TLS, Low-Latency HLS over HTTP/2, and what the operator is told. */
import { expect, test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import { freePort } from '../support/free-port.ts'
import { type Http2Client, openHttp2 } from '../support/http2-client.ts'
import { publish } from '../support/publisher.ts'
import { selfSigned } from '../support/self-signed.ts'
import { startSluice } from '../support/sluice.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { goneLive } from './going-live.ts'

test('published over RTMPS, watched over https in a secure context, blocking playlists over one HTTP/2 connection', async () => {
  await using folder = await tempFolder()
  const { certFile, keyFile } = await selfSigned(folder.path)
  const [https, rtmps] = [await freePort(), await freePort()]
  const env = {
    TLS_CERT_FILE: certFile,
    TLS_KEY_FILE: keyFile,
    HTTPS_PORT: `${https}`,
    RTMPS_PORT: `${rtmps}`,
  }
  await using sluice = await startSluice({ env })
  const origin = `https://127.0.0.1:${https}`
  expect(sluice.log).toContain(origin)
  const channel = await sluice.createChannel('alice')
  const { secureIngestUrl } = await channel.client.channels.streamKey.query({ channelId: channel.id })
  expect(secureIngestUrl).toBe(`rtmps://127.0.0.1:${rtmps}/live`)
  await using _publisher = await publish(`${secureIngestUrl}/${channel.streamKey}`, { size: '640x360' })
  await goneLive(channel)

  await using client = await openHttp2(origin)
  expect(client.protocol).toBe('h2')
  const playlist = await mediaPlaylist(client, `/hls/${channel.slug}/index.m3u8`)
  const first = await text(client, playlist)
  const next = sequenceOf(first) + first.split('#EXTINF').length
  const held = text(client, `${playlist}&_HLS_msn=${next}`)
  const isHeld = await Promise.race([held.then(() => false), client.get('/healthz').then(() => true)])
  expect(isHeld).toBe(true)
  const answer = await held
  expect(sequenceOf(answer) + answer.split('#EXTINF').length - 2).toBeGreaterThanOrEqual(next)

  await using browser = await openBrowser({ ignoreHTTPSErrors: true })
  await using page = await browser.newPage(`${origin}/embed/${channel.slug}`)
  await page.playing({ frames: 30 })
  expect(await page.motion()).toBeGreaterThan(1)
  const facts = await page.page.evaluate(() => ({
    isSecureContext,
    protocol: (performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming).nextHopProtocol,
  }))
  expect(facts).toEqual({ isSecureContext: true, protocol: 'h2' })
  expect(page.errors).toEqual([])
}, 90_000)

test('a certificate that cannot be used is named at the start', async () => {
  await using folder = await tempFolder()
  const { keyFile } = await selfSigned(folder.path)
  const start = (env: Record<string, string>) =>
    startSluice({ env }).then(
      () => 'it started',
      (error: Error) => error.message,
    )
  expect(await start({ TLS_CERT_FILE: keyFile, TLS_KEY_FILE: keyFile })).toContain('TLS_CERT_FILE')
}, 60_000)

/** The path of the first media playlist that the multivariant playlist at `path` names, with a query. */
async function mediaPlaylist(client: Http2Client, path: string): Promise<string> {
  const multivariant = await text(client, path)
  const name = multivariant.split('\n').find(line => line !== '' && !line.startsWith('#'))!
  const { pathname, search } = new URL(name, `https://host${path}`)
  return `${pathname}${search || '?a=b'}`
}

async function text(client: Http2Client, path: string): Promise<string> {
  const { status, body } = await client.get(path)
  expect(status).toBe(200)
  return body.toString()
}

function sequenceOf(playlist: string): number {
  return Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1])
}
