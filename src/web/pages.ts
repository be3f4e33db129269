/** Serves the pages people see: one HTML shell per address, and the built files under `/assets`. */
import { Elysia } from 'elysia'
import { type Asset, asset, type Bundle, buildBundle } from './bundle.ts'

const slugForm = /^[a-z0-9_-]{1,64}$/
const vodForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const POLICY = [
  "default-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ')

export interface PagesOptions {
  /** What a link to the channel is called; undefined: there is no such channel, and its page answers 404. */
  readonly findChannel?: (slug: string) => Promise<PageSubject | undefined>
  /** What a link to the video is called, where everybody may know that; undefined: there is none. */
  readonly findVod?: (id: string) => Promise<PageSubject | undefined>
  /** A cookie that the page sets in the browser that asks for it; undefined: none. */
  readonly cookieFor?: (request: Request) => string | undefined
}

interface PageSubject {
  readonly title: string
  /** Only a public one is for search engines. */
  readonly visibility?: string
}

interface PageAbout {
  readonly status?: number
  readonly isListed?: boolean
  /** Which sites may show it in a frame. */
  readonly framedBy?: string
}

/** Builds the pages. The plugin has the address `/:slug`, so it comes after every other. Throws when they do not build. */
export async function openPages(options: PagesOptions = {}) {
  const bundle = await buildBundle()
  const page = (request: Request, title: string, about: PageAbout = {}) => {
    const { status = 200, isListed = true, framedBy = "'none'" } = about
    return send(request, shell(bundle, `${title} · Sluice`), {
      status,
      'cache-control': 'no-cache',
      'content-security-policy': `${POLICY}; frame-ancestors ${framedBy}`,
      ...(!isListed && { 'x-robots-tag': 'noindex' }),
      ...cookie(request, options),
    })
  }
  const channelPage = async (request: Request, slug: string, titleOf: (title: string) => string) => {
    const channel = await find(slug, options)
    if (!channel) return page(request, 'No such channel', { status: 404 })
    return page(request, titleOf(channel.title), { isListed: isListed(channel) })
  }
  const plugin = new Elysia({ name: 'pages' })
    .get('/', ({ request }) => page(request, 'Live now'))
    .get('/dashboard', ({ request }) => page(request, 'Dashboard'))
    .get('/embed/:slug', async ({ request, params }) => {
      const channel = await find(params.slug, options)
      const about = { status: channel ? 200 : 404, isListed: isListed(channel), framedBy: '*' }
      return page(request, channel?.title ?? params.slug, about)
    })
    .get('/chat/:slug/popout', ({ request, params }) =>
      channelPage(request, params.slug, title => `Chat of ${title}`),
    )
    .get('/v/:id', async ({ request, params }) => {
      const vod = await findVod(params.id, options)
      return page(request, vod?.title ?? 'Video', { isListed: vod !== undefined })
    })
    .get('/embed/v/:id', async ({ request, params }) => {
      const vod = await findVod(params.id, options)
      return page(request, vod?.title ?? 'Video', { isListed: vod !== undefined, framedBy: '*' })
    })
    .get('/:slug/videos', ({ request, params }) =>
      channelPage(request, params.slug, title => `Videos of ${title}`),
    )
    .get('/assets/*', ({ request, params }) => {
      const file = bundle.assets.get(`/assets/${params['*']}`)
      if (!file) return new Response('There is nothing here.', { status: 404 })
      return send(request, file, { status: 200, 'cache-control': 'public, max-age=31536000, immutable' })
    })
    .get('/:slug', ({ request, params }) => channelPage(request, params.slug, title => title))
  return { plugin }
}

function isListed(channel: PageSubject | undefined): boolean {
  return channel?.visibility === undefined || channel.visibility === 'public'
}

/** No cache that people share may hand one's cookie to another. */
function cookie(request: Request, { cookieFor }: PagesOptions): Record<string, string> {
  const value = cookieFor?.(request)
  return value === undefined ? {} : { 'set-cookie': value, 'cache-control': 'private, no-cache' }
}

async function find(slug: string, { findChannel }: PagesOptions): Promise<PageSubject | undefined> {
  if (!slugForm.test(slug)) return undefined
  return findChannel ? findChannel(slug) : { title: slug }
}

/** Of what is not public, its title is nobody's business who may not watch it. */
async function findVod(id: string, { findVod: ask }: PagesOptions): Promise<PageSubject | undefined> {
  const vod = vodForm.test(id) ? await ask?.(id) : undefined
  return isListed(vod) ? vod : undefined
}

/** RFC 9110 section 13.1.2: an unchanged file is not sent again. */
function send(
  request: Request,
  { body, gzipped, contentType, etag }: Asset,
  { status, ...headers }: { status: number; [header: string]: string | number },
): Response {
  const all = new Headers({ ...(headers as Record<string, string>), etag, vary: 'accept-encoding' })
  const known = request.headers.get('if-none-match')?.split(',') ?? []
  if (status === 200 && known.some(each => each.trim().replace(/^W\//, '') === etag))
    return new Response(null, { status: 304, headers: all })
  all.set('content-type', contentType)
  const isGzipped = gzipped && /\bgzip\b/.test(request.headers.get('accept-encoding') ?? '')
  if (isGzipped) all.set('content-encoding', 'gzip')
  return new Response(isGzipped ? gzipped : body, { status, headers: all })
}

function shell({ scriptPath, sharedScriptPath, stylePath, iconPath }: Bundle, title: string): Asset {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" type="image/svg+xml" href="${iconPath}">
<link rel="stylesheet" href="${stylePath}">
<link rel="modulepreload" href="${sharedScriptPath}">
<script type="module" src="${scriptPath}"></script>
</head>
<body>
<div id="app"></div>
<noscript>Sluice needs JavaScript to play video.</noscript>
</body>
</html>
`
  return asset(new TextEncoder().encode(html), '.html')
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
