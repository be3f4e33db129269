/** The environment: defaults, all problems at once, nothing half right. */
import { expect, test } from 'bun:test'
import { isAbsolute } from 'node:path'
import { type ConfigError, loadConfig } from '../../src/config.ts'

test('nothing set: the documented defaults, with an absolute data folder', () => {
  const config = loadConfig({})
  expect(config.http).toMatchObject({
    host: '0.0.0.0',
    port: 3000,
    publicUrl: undefined,
    trustedProxyHops: 0,
  })
  expect(config.rtmp.port).toBe(1935)
  expect(config.webrtc.port).toBe(40_000)
  expect([config.databaseUrl, config.authSecret]).toEqual([undefined, undefined])
  expect(isAbsolute(config.dataDir)).toBe(true)
})

test('every wrong variable is named at once', () => {
  const wrong = {
    PORT: '70000',
    RTMP_PORT: 'x',
    DATABASE_URL: 'mysql://h/d',
    AUTH_SECRET: 'short',
    PUBLIC_URL: 'ftp://h',
  }
  const load = () => loadConfig(wrong)
  expect(load).toThrow()
  try {
    load()
  } catch (error) {
    for (const name of Object.keys(wrong)) expect((error as ConfigError).message).toContain(name)
  }
})

test('an empty variable counts as unset, and the result cannot be changed', () => {
  const config = loadConfig({ PORT: '', DATABASE_URL: '', AUTH_SECRET: '' })
  expect(config.http.port).toBe(3000)
  expect(() => Object.assign(config.http, { port: 1 })).toThrow()
})

test('what is set is taken', () => {
  const env = {
    HOST: '::1',
    PORT: '8080',
    PUBLIC_URL: 'https://live.example',
    TRUSTED_PROXY_HOPS: '2',
    DATA_DIR: '/tmp/d',
  }
  const config = loadConfig({ ...env, DATABASE_URL: 'postgres://u:p@h/d' })
  expect(config.http).toMatchObject({ host: '::1', port: 8080, trustedProxyHops: 2 })
  expect(config.http.publicUrl?.host).toBe('live.example')
  expect([config.dataDir, config.databaseUrl]).toEqual(['/tmp/d', 'postgres://u:p@h/d'])
})
