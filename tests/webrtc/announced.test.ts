import { expect, test } from 'bun:test'
import { isIPv4 } from 'node:net'
import { announcedAddresses } from '../../src/webrtc/announced.ts'

test('a configured address counts alone', async () => {
  expect(await announcedAddresses('example.org', '192.0.2.9')).toEqual(['192.0.2.9'])
})

test('else it is the address that the viewer’s request came to', async () => {
  expect(await announcedAddresses('192.0.2.7')).toEqual(['192.0.2.7'])
  expect(await announcedAddresses('[2001:db8::1]')).toEqual(['2001:db8::1'])
})

test('on this machine the others are told too, since browsers may not use loopback', async () => {
  for (const name of ['localhost', '127.0.0.1', '[::1]']) {
    const [first, ...others] = await announcedAddresses(name)
    expect(first).toBe(name === '[::1]' ? '::1' : '127.0.0.1')
    for (const address of others) {
      expect(isIPv4(address)).toBe(true)
      expect(address).not.toStartWith('127.')
    }
  }
})

test('a name that nobody knows leads to this machine’s addresses, not to an error', async () => {
  const own = (await announcedAddresses('127.0.0.1')).slice(1)
  expect(await announcedAddresses('no-such-host.invalid')).toEqual(own)
})
