/** Serves one page on another origin than Sluice's: a <video>, and players that use only public protocols. */
import { pageScript } from './page-script.ts'

export interface TestPage extends AsyncDisposable {
  readonly url: string
  close(): Promise<void>
}

const html = `<!doctype html><meta charset="utf-8"><title>player</title><link rel="icon" href="data:,">
<body style="margin:0;background:#000"><video playsinline autoplay style="width:640px"></video>
<script src="/player.js"></script>`

/** `window.player` in it plays WHEP, HLS by hls.js, DASH and HLS by Shaka, and Janus (page/player.ts). */
export async function serveTestPage(): Promise<TestPage> {
  const script = await pageScript('player')
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes: {
      '/': new Response(html, { headers: { 'content-type': 'text/html' } }),
      '/player.js': new Response(script, { headers: { 'content-type': 'text/javascript' } }),
    },
    fetch: () => new Response('there is only one page', { status: 404 }),
  })
  const close = () => server.stop(true)
  return { url: server.url.href, close, [Symbol.asyncDispose]: close }
}
