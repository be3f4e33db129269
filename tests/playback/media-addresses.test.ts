/** Every address of a channel's live media, asked for with every kind of token and with none, at the real server. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { RtmpClient } from '../ingest/rtmp-client.ts'
import { PrivateSite } from './private-site.ts'

let site: PrivateSite
/** Those of the channel, by what they are; each is below the server's address. */
const paths = new Map<string, string>()
let right: string
let wrong: Record<string, string>

/** Found on the way to a picture, while everybody may. */
const KINDS = [
  'multivariant playlist',
  'multivariant playlist of the sounds',
  'media playlist',
  'media playlist of a sound',
  'media playlist that is waited for',
  'delta of a media playlist',
  'init segment',
  'segment',
  'part',
  'segment that is gone',
  'rendition that does not exist',
  'DASH manifest',
  'DASH manifest that is refreshed',
  'HTTP-FLV',
  'thumbnail',
] as const
const LISTS = KINDS.filter(kind => kind.includes('playlist') || kind.includes('manifest'))

beforeAll(async () => {
  site = await PrivateSite.open()
  const { slug } = site.channel
  const multivariant = await text(`/hls/${slug}/index.m3u8`)
  const uris = multivariant.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  const source = `/hls/${slug}/${uris[0]!.split('?')[0]}`
  const folder = source.slice(0, source.lastIndexOf('/'))
  const stream = folder.slice(0, folder.lastIndexOf('/'))
  const playlist = await text(source)
  const sequence = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(playlist)![1])
  const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(playlist)![1]
  const part = /#EXT-X-PART:.*URI="([^"]+)"/.exec(playlist)![1]
  const segment = playlist.split('\n').find(line => /^\d+\.m4s$/.test(line))
  const found: Record<(typeof KINDS)[number], string> = {
    'multivariant playlist': `/hls/${slug}/index.m3u8`,
    'multivariant playlist of the sounds': `/hls/${slug}/audio.m3u8`,
    'media playlist': source,
    'media playlist of a sound': `${stream}/audio/playlist.m3u8`,
    'media playlist that is waited for': `${source}?_HLS_msn=${sequence}`,
    'delta of a media playlist': `${source}?_HLS_skip=YES`,
    'init segment': `${folder}/${init}`,
    segment: `${folder}/${segment}`,
    part: `${folder}/${part}`,
    'segment that is gone': `${folder}/999999.m4s`,
    'rendition that does not exist': `${stream}/nothing/1.m4s`,
    'DASH manifest': `/dash/${slug}/manifest.mpd`,
    'DASH manifest that is refreshed': `/dash/${slug}/manifest.mpd?stream=${stream.split('/').at(-1)}&viewer=x`,
    'HTTP-FLV': `/flv/${slug}.flv`,
    thumbnail: `/thumbnails/${slug}.jpg`,
  }
  for (const [kind, path] of Object.entries(found)) paths.set(kind, path)
  await site.setVisibility('private')
  right = await site.rightToken()
  wrong = await site.wrongTokens()
}, 120_000)
afterAll(() => site[Symbol.asyncDispose]())

async function text(path: string): Promise<string> {
  return (await ask(path)).text()
}

/** Answers when the headers are there; an endless body is given up. */
async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const ended = new AbortController()
  const response = await fetch(`${site.sluice.url}${path}`, { signal: ended.signal, ...init })
  if (response.headers.get('content-type') !== 'video/x-flv') return response
  ended.abort()
  return new Response(null, response)
}

const byQuery = (path: string, token: string) =>
  ask(`${path}${path.includes('?') ? '&' : '?'}token=${encodeURIComponent(token)}`)
const byPath = (path: string, token: string) => ask(`/t/${encodeURIComponent(token) || 'x'}${path}`)
const byCookie = (path: string, token: string) =>
  ask(path, { headers: { cookie: `theme=dark; sluice_playback=${token}` } })

/** What who may watch is answered. */
function expected(kind: string): number {
  return kind.includes('gone') || kind.includes('does not exist') ? 404 : 200
}

async function refusalOf(response: Response): Promise<string> {
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(response.headers.get('cache-control')).toBe('no-store')
  const { reason } = (await response.json()) as { reason: string }
  return `${response.status} ${reason}`
}

describe.each(KINDS)('the %s of a private channel', kind => {
  const path = () => paths.get(kind)!

  test('is refused without a token, by every method', async () => {
    expect(await refusalOf(await ask(path()))).toBe('401 playback_token_missing')
    expect((await ask(path(), { method: 'HEAD' })).status).toBe(401)
    const ranged = await ask(path(), { headers: { range: 'bytes=0-9' } })
    expect(await refusalOf(ranged)).toBe('401 playback_token_missing')
    const otherCookie = await ask(path(), { headers: { cookie: 'sluice_playback_old=a.b.c' } })
    expect(await refusalOf(otherCookie)).toBe('401 playback_token_missing')
  })

  test('is refused with every token that is wrong', async () => {
    for (const [what, token] of Object.entries(wrong)) {
      expect({ what, answer: await refusalOf(await byQuery(path(), token)) }).toEqual({
        what,
        answer: '403 playback_token_invalid',
      })
      const isToken = /^[\w-]+(\.[\w-]+){2}$/.test(token)
      const answer = isToken ? '403 playback_token_invalid' : '401 playback_token_missing'
      expect({ what, answer: await refusalOf(await byPath(path(), token)) }).toEqual({ what, answer })
      expect({ what, answer: await refusalOf(await byCookie(path(), token)) }).toEqual({ what, answer })
    }
  })

  test('is there with the right one, in the path, the query or a cookie', async () => {
    for (const response of [
      await byPath(path(), right),
      await byQuery(path(), right),
      await byCookie(path(), right),
    ]) {
      expect(response.status).toBe(expected(kind))
      expect(response.headers.get('cache-control') ?? '').not.toContain('public')
    }
  })

  test('one right token suffices beside wrong ones', async () => {
    const stale = wrong['has expired']!
    const response = await ask(`/t/${stale}${path()}`, { headers: { cookie: `sluice_playback=${right}` } })
    expect(response.status).toBe(expected(kind))
  })
})

test.each(LISTS)(
  'the %s, asked for with the token in its query, sends on to where it is in the path',
  async kind => {
    const path = paths.get(kind)!
    const response = await ask(`${path}${path.includes('?') ? '&' : '?'}token=${right}`, {
      redirect: 'manual',
    })
    expect(response.status).toBe(307)
    expect(response.headers.get('location')).toBe(`/t/${right}${path}`)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
  },
)

test('what a playlist lists is found below the token, though the playlist says nothing of it', async () => {
  const root = `/t/${right}/hls/ada/`
  const multivariant = await text(`${root}index.m3u8`)
  expect(multivariant).not.toContain(right)
  const source = multivariant.split('\n').find(line => line.includes('/source/'))!
  const playlistUrl = new URL(source, `${site.sluice.url}${root}`)
  const playlist = await (await fetch(playlistUrl)).text()
  expect(playlist).not.toContain(right)
  const files = [...playlist.matchAll(/URI="([^"]+)"/g)].map(match => match[1]!)
  expect(files.length).toBeGreaterThan(3)
  for (const file of files) expect((await fetch(new URL(file, playlistUrl))).status).toBe(200)
})

test('what a DASH manifest lists is found below the token too', async () => {
  const manifestUrl = `${site.sluice.url}/t/${right}/dash/ada/manifest.mpd`
  const manifest = await (await fetch(manifestUrl)).text()
  expect(manifest).not.toContain(right)
  const base = new URL(/<BaseURL>([^<]+)<\/BaseURL>/.exec(manifest)![1]!, manifestUrl)
  const init = /initialization="([^"]+)"/.exec(manifest)![1]!.replace('$RepresentationID$', 'source')
  expect((await fetch(new URL(init, base))).status).toBe(200)
  const next = /<Location>([^<]+)<\/Location>/.exec(manifest)![1]!.replaceAll('&amp;', '&')
  expect((await fetch(new URL(next, manifestUrl))).status).toBe(200)
})

describe('a WebRTC session of a private channel', () => {
  const start = (query: string, headers: Record<string, string> = {}) =>
    ask(`/whep/ada${query}`, { method: 'POST', headers })

  test('is not begun without a token, nor with a wrong one', async () => {
    expect((await start('')).status).toBe(401)
    expect((await ask('/whep/ada')).status).toBe(401)
    for (const token of Object.values(wrong)) {
      expect((await start(`?token=${encodeURIComponent(token)}`)).status).toBe(403)
      expect((await start('', { authorization: `Bearer ${token || 'x'}` })).status).toBe(403)
    }
  })

  test.each([
    ['query', (token: string) => start(`?token=${token}`)],
    ['cookie', (token: string) => start('', { cookie: `sluice_playback=${token}` })],
    ['Authorization header', (token: string) => start('', { authorization: `Bearer ${token}` })],
  ])(
    'begun with the right one by %s, it is driven with that token, and by nobody without',
    async (_, begin) => {
      const response = await begin(right)
      expect(response.status).toBe(201)
      const location = response.headers.get('location')!
      expect(location).toEndWith(`?token=${right}`)
      const link = /<([^>]+)>/.exec(response.headers.get('link')!)![1]!
      const [bare, layer] = [location, link].map(each => each.split('?')[0]!) as [string, string]
      const requests: readonly [string, RequestInit][] = [
        [bare, { method: 'GET' }],
        [
          bare,
          { method: 'PATCH', body: 'a=end', headers: { 'content-type': 'application/trickle-ice-sdpfrag' } },
        ],
        [layer, { method: 'GET' }],
        [layer, { method: 'POST', body: '{"encodingId":null}' }],
        [bare, { method: 'DELETE' }],
      ]
      for (const [path, init] of requests) {
        expect((await ask(path, init)).status).toBe(401)
        expect((await ask(`${path}?token=${wrong['has expired']}`, init)).status).toBe(403)
        expect((await ask(`${path}?token=${wrong['is another channel’s']}`, init)).status).toBe(403)
      }
      expect((await ask(location)).status).toBe(204)
      expect((await ask(link)).status).toBe(200)
      expect((await ask(location, { method: 'DELETE' })).status).toBe(200)
      expect((await ask(location)).status).toBe(404)
    },
  )
})

describe('an RTMP player of a private channel', () => {
  async function play(name: string): Promise<RtmpClient> {
    const client = await RtmpClient.open(Number(new URL(site.sluice.rtmpUrl.replace('rtmp:', 'http:')).port))
    client.connect()
    client.command('createStream', 2, null)
    client.command('play', 3, null, name, -2000)
    return client
  }

  test('is refused without a token, and with a wrong one', async () => {
    for (const query of ['', ...Object.values(wrong).map(token => `?token=${encodeURIComponent(token)}`)]) {
      const client = await play(`ada${query}`)
      await client.ended
      expect(client.statuses).toMatchObject([{ code: 'NetStream.Play.Failed', level: 'error' }])
      expect(client.heard.some(({ typeId }) => typeId === 8 || typeId === 9)).toBe(false)
    }
  })

  test('plays with the right one', async () => {
    const client = await play(`ada?token=${right}`)
    await client.status('NetStream.Play.Start')
    client.close()
    await client.ended
  })
})

test('an address that is not asked for by GET tells nothing either: not even whether it is one', async () => {
  const { slug } = site.channel
  for (const path of paths.values())
    for (const method of ['POST', 'PUT', 'DELETE', 'PROPFIND'])
      for (const asked of [path, path.replaceAll(slug, 'nobody')]) {
        const response = await ask(asked, { method })
        expect([response.status, await response.text()]).toEqual([405, ''])
      }
})
