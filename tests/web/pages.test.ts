import { expect, test } from 'bun:test'
import { openPages } from '../../src/web/pages.ts'

const { plugin } = await openPages({
  findChannel: async slug => (slug === 'ada' ? { title: '<b>Ada & friends</b>' } : undefined),
})

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return plugin.handle(new Request(`http://localhost${path}`, { headers }))
}

async function assetPaths(): Promise<string[]> {
  return [...(await (await get('/')).text()).matchAll(/"(\/assets\/[^"]+)"/g)].map(match => match[1]!)
}

test.each(['/', '/dashboard', '/ada', '/embed/ada'])(
  '%s is a page without inline script or style',
  async path => {
    const response = await get(path)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('no-cache')
    const html = await response.text()
    expect(html).toContain('<script type="module" src="/assets/main-')
    expect(html).not.toMatch(/<style|style=|<script>|onload=/)
  },
)

test('other sites may frame the embedded page and no other', async () => {
  const policy = async (path: string) => (await get(path)).headers.get('content-security-policy')
  expect(await policy('/embed/ada')).toContain('frame-ancestors *')
  for (const path of ['/', '/dashboard', '/ada'])
    expect(await policy(path)).toContain("frame-ancestors 'none'")
})

test('a channel’s title is in its page, and stays text', async () => {
  const html = await (await get('/ada')).text()
  expect(html).toContain('<title>&#60;b&#62;Ada &#38; friends&#60;/b&#62; · Sluice</title>')
})

test.each(['/nobody', '/embed/nobody', '/ADA', '/a.b', `/${'a'.repeat(65)}`, '/..%2fetc'])(
  '%s is 404',
  async path => {
    expect((await get(path)).status).toBe(404)
  },
)

test('script, style and icon: their types, for ever, and compressed on request', async () => {
  const types = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml' }
  const paths = await assetPaths()
  expect(paths.map(path => path.split('.').at(-1)).sort()).toEqual(['css', 'js', 'js', 'svg'])
  for (const path of paths) {
    const plain = await get(path)
    expect(plain.status).toBe(200)
    expect(plain.headers.get('content-type')).toBe(types[path.split('.').at(-1) as keyof typeof types])
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(plain.headers.get('vary')).toBe('accept-encoding')
    const body = await plain.bytes()
    const packed = await get(path, { 'accept-encoding': 'br, gzip' })
    expect(packed.headers.get('content-encoding')).toBe('gzip')
    expect(Bun.gunzipSync(await packed.bytes())).toEqual(body)
  }
})

test('what has not changed is not sent again', async () => {
  for (const path of ['/', ...(await assetPaths())]) {
    const etag = (await get(path)).headers.get('etag')!
    const again = await get(path, { 'if-none-match': `"other", W/${etag}` })
    expect(again.status).toBe(304)
    expect(await again.text()).toBe('')
    expect((await get(path, { 'if-none-match': '"other"' })).status).toBe(200)
  }
})

test('neither hls.js nor what sends uploads is in what every page loads', async () => {
  const scripts = (await assetPaths()).filter(path => path.endsWith('.js'))
  const bodies = await Promise.all(scripts.map(async path => (await get(path)).bytes()))
  expect(bodies.reduce((sum, body) => sum + body.byteLength, 0)).toBeLessThan(250_000)
})

test('an asset that does not exist is 404', async () => {
  for (const path of ['/assets/none.js', '/assets/../pages.ts', '/assets/%2e%2e%2fpages.ts'])
    expect((await get(path)).status).toBe(404)
})

test('a page gives the browser that asks for it a cookie, which no shared cache may keep', async () => {
  const { plugin } = await openPages({
    cookieFor: request => (request.headers.has('cookie') ? undefined : 'sluice_viewer=somebody'),
  })
  const page = (path: string, headers: Record<string, string> = {}) =>
    plugin.handle(new Request(`http://localhost${path}`, { headers }))
  for (const path of ['/', '/ada', '/embed/ada']) {
    const first = await page(path)
    expect(first.headers.get('set-cookie')).toBe('sluice_viewer=somebody')
    expect(first.headers.get('cache-control')).toBe('private, no-cache')
    const again = await page(path, { cookie: 'sluice_viewer=somebody' })
    expect(again.headers.get('set-cookie')).toBeNull()
    expect(again.headers.get('cache-control')).toBe('no-cache')
  }
})
