/** The environment: defaults, all problems at once, nothing half right. */
import { expect, test } from 'bun:test'
import { isAbsolute, join } from 'node:path'
import { type ConfigError, loadConfig } from '../../src/config.ts'
import { tempFolder } from '../support/temp-folder.ts'

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
  expect([config.redisUrl, config.irc]).toEqual([undefined, undefined])
  expect(isAbsolute(config.dataDir)).toBe(true)
})

test('every wrong variable is named at once', () => {
  const wrong = {
    PORT: '70000',
    RTMP_PORT: 'x',
    DATABASE_URL: 'mysql://h/d',
    REDIS_URL: 'http://h:6379',
    IRC_PORT: '0',
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
  const services = { DATABASE_URL: 'postgres://u:p@h/d', REDIS_URL: 'rediss://:p@h:6380/1', IRC_PORT: '6667' }
  const config = loadConfig({ ...env, ...services })
  expect(config.http).toMatchObject({ host: '::1', port: 8080, trustedProxyHops: 2 })
  expect(config.http.publicUrl?.host).toBe('live.example')
  expect([config.dataDir, config.databaseUrl]).toEqual(['/tmp/d', 'postgres://u:p@h/d'])
  expect(config.redisUrl).toBe('rediss://:p@h:6380/1')
  expect(config.irc).toEqual({ host: '::1', port: 6667 })
})

test('limits on incoming media: none unless set, in the units of their names', () => {
  expect(loadConfig({}).ingest).toEqual({ limits: {} as never, onBreach: 'refuse' })
  const { ingest } = loadConfig({
    INGEST_MAX_WIDTH: '1920',
    INGEST_MAX_HEIGHT: '1080',
    INGEST_MAX_FRAME_RATE: '59.94',
    INGEST_MAX_BITRATE_KBPS: '6000',
    INGEST_MAX_KEY_FRAME_INTERVAL_MS: '4000',
    INGEST_VIDEO_CODECS: 'h264, HEVC',
    INGEST_AUDIO_CODECS: 'AAC',
    INGEST_MAX_SESSION_MINUTES: '90',
    INGEST_ON_BREACH: 'warn',
  })
  expect(ingest).toEqual({
    limits: {
      maxWidth: 1920,
      maxHeight: 1080,
      maxFrameRate: 59.94,
      maxBitrateBps: 6_000_000,
      maxKeyFrameIntervalMs: 4_000,
      videoCodecs: ['h264', 'hevc'],
      audioCodecs: ['aac'],
      maxSessionMs: 5_400_000,
    },
    onBreach: 'warn',
  })
})

const problemsOf = (env: Record<string, string>) => {
  try {
    loadConfig(env)
    return 'none'
  } catch (error) {
    return (error as ConfigError).message
  }
}

test('a limit that no encoder could keep is refused by name', () => {
  const wrong = {
    INGEST_MAX_HEIGHT: '0',
    INGEST_VIDEO_CODECS: 'h264,vp6',
    INGEST_AUDIO_CODECS: 'mp3',
    INGEST_MAX_SESSION_MINUTES: '0.5',
    INGEST_ON_BREACH: 'shout',
  }
  const problems = problemsOf(wrong)
  for (const name of Object.keys(wrong)) expect(problems).toContain(name)
})

test('TLS takes a certificate and its key, both readable', async () => {
  await using folder = await tempFolder()
  const [cert, key] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')]
  await Bun.write(cert, 'certificate')
  expect(problemsOf({ TLS_CERT_FILE: cert })).toContain('TLS_KEY_FILE: is missing')
  const unreadable = problemsOf({ TLS_CERT_FILE: cert, TLS_KEY_FILE: key, PORT: 'x' })
  expect(unreadable).toContain(`TLS_KEY_FILE: cannot be read`)
  expect(unreadable).toContain(key)
  expect(unreadable).toContain('PORT')
  await Bun.write(key, 'key')
  const { tls } = loadConfig({ TLS_CERT_FILE: cert, TLS_KEY_FILE: key, HTTPS_PORT: '8443' })
  expect(tls).toEqual({ certFile: cert, keyFile: key, httpsPort: 8443, rtmpsPort: 1936 })
  expect(loadConfig({}).tls).toBeUndefined()
})
