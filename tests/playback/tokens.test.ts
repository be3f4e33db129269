/** Playback tokens: what they let watch and until when, and that nothing else is taken for one. */
import { expect, test } from 'bun:test'
import { createHmac, hkdfSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { deriveKey } from '../../src/accounts/secret.ts'
import { PlaybackTokens } from '../../src/playback/tokens.ts'

const SECRET = 'a secret that only tests know, 0123456789'
const HOUR = 3_600_000
const key = deriveKey(SECRET, 'playback')
const ID = '0190a0a0-0000-7000-8000-000000000001'
const channel = `channel:${ID}` as const
const account = `account:${ID}` as const

function tokensAt(now: { ms: number }): PlaybackTokens {
  return new PlaybackTokens({ key, now: () => now.ms })
}

test('a token says what it is for and whose it is, for four hours and no longer', async () => {
  const now = { ms: Date.UTC(2026, 0, 1, 12, 0, 1) }
  const tokens = tokensAt(now)
  const { token, expiresAt } = await tokens.sign(channel, account)
  expect(await tokens.read(token)).toEqual({
    audience: channel,
    grantee: account,
    expiresAt: expiresAt.getTime(),
  })
  expect(expiresAt.getTime() - now.ms).toBeGreaterThanOrEqual(4 * HOUR)
  expect(expiresAt.getTime() - now.ms).toBeLessThanOrEqual(4 * HOUR + 5 * 60_000)
  now.ms = expiresAt.getTime() - 1
  expect(await tokens.read(token)).toBeDefined()
  // Also one whose signature was checked before.
  now.ms = expiresAt.getTime()
  expect(await tokens.read(token)).toBeUndefined()
})

test('it ends with what it was given for, when that is sooner', async () => {
  const now = { ms: 1_700_000_000_000 }
  const { expiresAt } = await tokensAt(now).sign(channel, `share:${ID}`, now.ms + 90_500)
  expect(expiresAt.getTime()).toBe(now.ms + 90_000)
})

test('who asks again within minutes gets the same, and others get another', async () => {
  const now = { ms: Date.UTC(2026, 0, 1, 12, 0, 1) }
  const tokens = tokensAt(now)
  const first = await tokens.sign(channel, 'anybody')
  now.ms += 60_000
  expect(await tokens.sign(channel, 'anybody')).toEqual(first)
  expect(await tokens.sign(channel, account)).not.toEqual(first)
  expect((await tokens.read(first.token))?.grantee).toBe('anybody')
})

test('nothing else is taken for one', async () => {
  const now = { ms: Date.now() }
  const tokens = tokensAt(now)
  const { token } = await tokens.sign(channel, account)
  const [header, claims, signature] = token.split('.') as [string, string, string]
  const sign = (changes: {
    typ?: string
    iss?: string
    aud?: string | string[]
    sub?: string
    exp?: number
  }) => {
    const {
      typ = 'playback+jwt',
      iss = 'sluice',
      aud = channel,
      sub = account,
      exp = now.ms / 1000 + 60,
    } = changes
    const jwt = new SignJWT().setProtectedHeader({ alg: 'HS256', typ }).setIssuer(iss).setAudience(aud)
    return jwt.setSubject(sub).setExpirationTime(Math.floor(exp)).sign(key)
  }
  const none = Buffer.from('{"alg":"none","typ":"playback+jwt"}').toString('base64url')
  const hs512 = await new SignJWT()
    .setProtectedHeader({ alg: 'HS512', typ: 'playback+jwt' })
    .setIssuer('sluice')
    .setAudience(channel)
    .setExpirationTime('1h')
    .sign(Buffer.concat([key, key]))
  expect(await tokens.read(await sign({}))).toBeDefined()
  const wrong = [
    '',
    'x',
    'a.b.c',
    `${header}.${claims}.`,
    `${none}.${claims}.`,
    `${header}.${claims}.${signature.slice(0, -2)}AA`,
    hs512,
    'x'.repeat(100_000),
    `${token}${'A'.repeat(2_000)}`,
    await sign({ typ: 'at+jwt' }),
    await sign({ iss: 'somebody' }),
    await sign({ aud: 'sluice-api' }),
    await sign({ aud: [channel, `vod:${ID}`] }),
    await sign({ aud: 'channel:*' }),
    await sign({ sub: 'everybody' }),
    await sign({ exp: now.ms / 1000 - 1 }),
  ]
  for (const each of wrong) expect([each, await tokens.read(each)]).toEqual([each, undefined])
})

test('a share link’s token is another thing, always the same, and opens only what it was made for', async () => {
  const now = { ms: 1_700_000_000_000 }
  const tokens = tokensAt(now)
  const share = { id: ID, audience: channel, expiresAt: new Date(now.ms + 30 * 24 * HOUR) }
  const token = await tokens.signShare(share)
  expect(await tokens.read(token)).toBeUndefined()
  expect(await tokens.readShare(token, channel)).toBe(`share:${ID}`)
  expect(await tokens.readShare(token, `vod:${ID}`)).toBeUndefined()
  const media = await tokens.sign(channel, account)
  expect(await tokens.readShare(media.token, channel)).toBeUndefined()
  now.ms += 29 * 24 * HOUR
  expect(await tokens.signShare(share)).toBe(token)
  expect(await tokens.readShare(token, channel)).toBe(`share:${ID}`)
  now.ms += 24 * HOUR
  expect(await tokens.readShare(token, channel)).toBeUndefined()
})

test('of thousands that were checked only so many are remembered, and all are good still', async () => {
  const now = { ms: Date.now() }
  const tokens = tokensAt(now)
  const id = (index: number) => `0190a0a0-0000-7000-8000-${String(index).padStart(12, '0')}`
  const all = await Promise.all(
    Array.from({ length: 10_500 }, (_, index) => tokens.sign(channel, `account:${id(index)}`)),
  )
  for (const { token } of all) await tokens.read(token)
  expect((await tokens.read(all[0]!.token))?.grantee).toBe(`account:${id(0)}`)
}, 60_000)

test('a cache that knows AUTH_SECRET can check a token by itself', async () => {
  // By RFC 5869 and RFC 7515 alone, as the documentation has it.
  const derived = new Uint8Array(hkdfSync('sha256', SECRET, '', 'sluice playback', 32))
  const { token } = await tokensAt({ ms: Date.now() }).sign(channel, account)
  const [header, claims, signature] = token.split('.') as [string, string, string]
  const expected = createHmac('sha256', derived).update(`${header}.${claims}`).digest('base64url')
  expect(signature).toBe(expected)
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toEqual({
    iss: 'sluice',
    aud: channel,
    sub: account,
    exp: expect.any(Number),
  })
  const openssl = Bun.spawnSync([
    ...['openssl', 'kdf', '-keylen', '32', '-kdfopt', 'digest:SHA256', '-kdfopt', `key:${SECRET}`],
    ...['-kdfopt', 'info:sluice playback', '-binary', 'HKDF'],
  ])
  expect(new Uint8Array(openssl.stdout)).toEqual(derived)
})
