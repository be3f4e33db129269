/** The cookie by which one browser counts as one person, whatever it plays with. */
import { expect, test } from 'bun:test'
import { newViewerCookie, viewerKeyOf } from '../../src/live/viewer-key.ts'

const request = (cookie?: string) => new Request('http://localhost/', cookie ? { headers: { cookie } } : {})

test('a browser that sends the cookie back has the same key, and no two have one', () => {
  const cookies = Array.from({ length: 100 }, () => newViewerCookie(true).split(';')[0]!)
  const keys = cookies.map(cookie => viewerKeyOf(request(`theme=dark; ${cookie}; other=1`)))
  expect(new Set(keys).size).toBe(100)
  expect(keys[0]).toBe(cookies[0]!.split('=')[1]!)
})

test('no script reads it, no other site sends it, and over TLS nothing else does', () => {
  expect(newViewerCookie(true)).toMatch(/; Path=\/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure$/)
  expect(newViewerCookie(false)).toEndWith('; SameSite=Lax')
})

test.each([undefined, 'other=1', 'sluice_viewer=', 'sluice_viewer=short', `sluice_viewer=${'a'.repeat(23)}`])(
  'the cookies %p give no key',
  cookies => {
    expect(viewerKeyOf(request(cookies))).toBeUndefined()
  },
)

test('neither does one of that name behind another', () => {
  const key = 'a'.repeat(22)
  expect(viewerKeyOf(request(`x_sluice_viewer=${key}`))).toBeUndefined()
  expect(viewerKeyOf(request(`sluice_viewer="${key}"`))).toBeUndefined()
  expect(viewerKeyOf(request(`sluice_viewer=${key}`))).toBe(key)
})
