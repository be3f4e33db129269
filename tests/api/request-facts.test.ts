/** Who calls and where to, behind as many proxies as are trusted. */
import { expect, test } from 'bun:test'
import { limitKey, requestFacts } from '../../src/api/request-facts.ts'

const facts = (headers: Record<string, string>, trustedProxyHops: number, publicUrl?: string) =>
  requestFacts(new Request('http://host.example:3000/x', { headers }), '192.0.2.1', {
    trustedProxyHops,
    publicUrl: publicUrl === undefined ? undefined : new URL(publicUrl),
  })

test.each([
  ['no proxy: the header is anybody’s word', { 'x-forwarded-for': '203.0.113.9' }, 0, '192.0.2.1'],
  ['one proxy', { 'x-forwarded-for': '203.0.113.9' }, 1, '203.0.113.9'],
  ['one proxy, and a client that lies', { 'x-forwarded-for': '10.0.0.1, 203.0.113.9' }, 1, '203.0.113.9'],
  ['two proxies', { 'x-forwarded-for': '10.0.0.1, 203.0.113.9, 198.51.100.2' }, 2, '203.0.113.9'],
  ['fewer entries than proxies', { 'x-forwarded-for': '203.0.113.9' }, 2, '192.0.2.1'],
  ['an IPv4 address in IPv6 form', { 'x-forwarded-for': '::ffff:203.0.113.9' }, 1, '203.0.113.9'],
] as const)('%s', (_name, headers, hops, address) => {
  expect(facts(headers, hops).remoteAddress).toBe(address)
})

test('scheme and host come from the request, the trusted proxy, or PUBLIC_URL', () => {
  expect(facts({}, 0).origin.href).toBe('http://host.example:3000/')
  expect(facts({ 'x-forwarded-proto': 'https' }, 0).isSecure).toBe(false)
  expect(facts({ 'x-forwarded-proto': 'https' }, 1).isSecure).toBe(true)
  const { origin, isSecure } = facts({}, 0, 'https://live.example/path')
  expect([origin.href, isSecure]).toEqual(['https://live.example/', true])
})

test('an IPv6 client is counted by its /64', () => {
  expect(limitKey('192.0.2.1')).toBe('192.0.2.1')
  expect(limitKey('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
  expect(limitKey('2001:db8:1:2::9')).toBe('2001:db8:1:2::/64')
  expect(limitKey('2001:db8::9')).toBe('2001:db8:0:0::/64')
  expect(limitKey('::1')).toBe('0:0:0:0::/64')
})
