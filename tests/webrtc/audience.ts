/** A stage with a browser in front of it: streams and the pages that watch them over WHEP, cleared away test by test. */
import type { LiveStream } from '../../src/live/live-stream.ts'
import type { Encoded } from '../hls/encoder.ts'
import { type Browser, type ObservedPage, openBrowser } from '../support/browser.ts'
import { serveTestPage, type TestPage } from '../support/test-page.ts'
import { type Ladder, Stage } from './stage.ts'

/** Sixteen seconds are whole video frames and whole AAC frames, so that the input repeats without a seam. */
export const SECONDS = 16

/** Who makes the SDP offer: the viewer, as any WHEP client, or the server. */
export type OfferedBy = 'own offer' | 'our offer'

export interface Viewer {
  readonly page: ObservedPage
  /** The session's address. */
  readonly resource: string
  readonly layerUrl: string
}

export class Audience {
  readonly stage: Stage
  readonly #browser: Browser
  readonly #site: TestPage
  readonly #pages: ObservedPage[] = []
  readonly #streams: LiveStream[] = []

  private constructor(stage: Stage, browser: Browser, site: TestPage) {
    this.stage = stage
    this.#browser = browser
    this.#site = site
  }

  /** `renditions`: names that ladders may make, best first. */
  static async open(renditions: readonly string[] = []): Promise<Audience> {
    return new Audience(
      ...(await Promise.all([Stage.open(1, renditions), openBrowser(), serveTestPage()] as const)),
    )
  }

  /** A channel goes live without media. */
  async start(slug: string): Promise<LiveStream> {
    const stream = await this.stage.start(slug)
    this.#streams.push(stream)
    return stream
  }

  async publish(slug: string, encoded: Encoded, ladder?: Ladder): Promise<LiveStream> {
    const stream = await this.start(slug)
    this.stage.feed(stream, encoded, SECONDS, ladder)
    return stream
  }

  async openPage(): Promise<ObservedPage> {
    const page = await this.#browser.newPage(this.#site.url)
    this.#pages.push(page)
    return page
  }

  /** `port`: over this link instead of the worker's port; `base`: of another stage. */
  async watch(
    slug: string,
    by: OfferedBy = 'own offer',
    { port, base = this.stage.listen() }: { port?: number; base?: string } = {},
  ): Promise<Viewer> {
    const page = await this.openPage()
    const options = { url: `${base}${slug}`, isOwn: by === 'own offer', port }
    return { page, ...(await page.page.evaluate(playInPage, options)) }
  }

  /** To be called after each test. */
  async clear(): Promise<void> {
    await Promise.all(this.#pages.splice(0).map(page => page.close()))
    for (const stream of this.#streams.splice(0)) await this.stage.leave(stream)
  }

  async close(): Promise<void> {
    await this.#browser.close()
    await this.#site.close()
    await this.stage.close()
  }
}

/** Runs in the page, so it sees nothing of this module. */
async function playInPage({ url, isOwn, port }: { url: string; isOwn: boolean; port: number | undefined }) {
  const through = (sdp: string) =>
    port === undefined
      ? sdp
      : sdp
          .replace(/^a=candidate:.* tcp .*\r\n/gm, '')
          .replace(/^(a=candidate:\S+ 1 udp \d+ \S+) \d+/gm, `$1 ${port}`)
  const connection = new RTCPeerConnection()
  const video = document.querySelector('video')!
  const media = new MediaStream()
  video.srcObject = media
  connection.addEventListener('track', event => media.addTrack(event.track))
  const headers = { 'content-type': 'application/sdp' }
  if (isOwn) {
    connection.addTransceiver('video', { direction: 'recvonly' })
    connection.addTransceiver('audio', { direction: 'recvonly' })
    await connection.setLocalDescription()
  }
  const response = await fetch(url, {
    method: 'POST',
    ...(isOwn && { headers, body: connection.localDescription!.sdp }),
  })
  const sdp = await response.text()
  if (response.status !== 201) throw new Error(`WHEP answered ${response.status}: ${sdp}`)
  await connection.setRemoteDescription({ type: isOwn ? 'answer' : 'offer', sdp: through(sdp) })
  const resource = new URL(response.headers.get('location')!, url).href
  if (!isOwn) {
    await connection.setLocalDescription()
    const body = connection.localDescription!.sdp
    const { status } = await fetch(resource, { method: 'PATCH', headers, body })
    if (status !== 204) throw new Error(`the answer was answered with ${status}`)
  }
  void video.play()
  return { resource, layerUrl: new URL(/<([^>]+)>/.exec(response.headers.get('link')!)![1]!, url).href }
}
