/** Signing in over HTTP: cookies for browsers, tokens for programs, and what a dump of the tables would show. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { RateLimiter } from '../../src/api/rate-limiter.ts'
import { ApiCaller } from '../support/api.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { openPlatform, type TestPlatform, uniqueSlug } from '../support/platform.ts'

const password = 'correct horse battery'
let opened: TestDatabase
let platform: TestPlatform

beforeAll(async () => {
  opened = await openTestDatabase('postgres')
  platform = await openPlatform(opened.database)
}, 30_000)
afterAll(async () => {
  await platform[Symbol.asyncDispose]()
  await opened[Symbol.asyncDispose]()
})

const uniqueName = () => `u_${uniqueSlug().slice(2)}`

async function signUp(url = platform.url) {
  const browser = new ApiCaller(url)
  const username = uniqueName()
  const answer = await browser.mutate('auth.signUp', { username, password })
  const data = answer.data as {
    account: { id: string; username: string }
    accessToken: string
    refreshToken: string
  }
  return { browser, username, answer, ...data }
}

test('after signing up, the cookie alone says who calls; after signing out, nobody does', async () => {
  const { browser, username, answer, account } = await signUp()
  expect(answer.status).toBe(200)
  expect(answer.data).toEqual({
    account: { id: account.id, username },
    accessToken: expect.any(String),
    refreshToken: expect.any(String),
    accessTokenExpiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  })
  expect(answer.headers.get('set-cookie')).toMatch(/^sluice_session=.*HttpOnly/)
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect((await browser.query('auth.me')).data).toEqual(account)
  const stolen = new ApiCaller(platform.url, { cookie: browser.cookie! })
  expect((await stolen.query('auth.me')).data).toEqual(account)
  expect((await browser.mutate('auth.signOut')).data).toEqual({ isSignedIn: false })
  expect(browser.cookie).toBeUndefined()
  expect((await browser.query('auth.me')).data).toBeNull()
  expect((await stolen.query('auth.me')).data).toBeNull()
})

test('a program signs in by bearer token, refreshes, and signs out', async () => {
  const { username, account } = await signUp()
  const signedIn = await new ApiCaller(platform.url).mutate('auth.signIn', {
    username: username.toUpperCase(),
    password,
  })
  const tokens = signedIn.data as { accessToken: string; refreshToken: string }
  const program = new ApiCaller(platform.url, { authorization: `Bearer ${tokens.accessToken}` })
  expect((await program.query('auth.me')).data).toEqual(account)
  const refreshed = await new ApiCaller(platform.url).mutate('auth.refresh', {
    refreshToken: tokens.refreshToken,
  })
  const next = (refreshed.data as typeof tokens).refreshToken
  expect(next).not.toBe(tokens.refreshToken)
  await program.mutate('auth.signOut')
  const after = await program.query('auth.me')
  expect([after.status, after.error?.data.reason]).toEqual([401, 'access_token_invalid'])
  const refused = await new ApiCaller(platform.url).mutate('auth.refresh', { refreshToken: next })
  expect([refused.status, refused.error?.data.reason]).toEqual([401, 'refresh_token_invalid'])
  expect((await program.mutate('auth.signOut')).status).toBe(200)
})

test('a spent refresh token used again signs out its family', async () => {
  const { refreshToken, browser } = await signUp()
  const caller = new ApiCaller(platform.url)
  const { data } = await caller.mutate('auth.refresh', { refreshToken })
  const again = await caller.mutate('auth.refresh', { refreshToken })
  expect(again.error?.data).toMatchObject({ code: 'UNAUTHORIZED', reason: 'refresh_token_reused' })
  const newer = await caller.mutate('auth.refresh', {
    refreshToken: (data as { refreshToken: string }).refreshToken,
  })
  expect(newer.error?.data.reason).toBe('refresh_token_invalid')
  expect((await browser.query('auth.me')).data).toBeNull()
})

test('signing in again ends the browser’s former session', async () => {
  const { browser, username } = await signUp()
  const former = browser.cookie!
  await browser.mutate('auth.signIn', { username, password })
  expect(browser.cookie).not.toBe(former)
  expect((await browser.query('auth.me')).data).toMatchObject({ username })
  expect((await new ApiCaller(platform.url, { cookie: former }).query('auth.me')).data).toBeNull()
})

test('mistakes come with a code, a status and a stable word', async () => {
  const { username } = await signUp()
  const caller = new ApiCaller(platform.url)
  const shown = async (name: string, input: unknown) => {
    const { status, error } = await caller.mutate(name, input)
    return [status, error?.data.code, error?.data.reason]
  }
  expect(await shown('auth.signUp', { username, password })).toEqual([409, 'CONFLICT', 'username_taken'])
  expect(await shown('auth.signUp', { username: 'x', password })).toEqual([
    400,
    'BAD_REQUEST',
    'username_invalid',
  ])
  expect(await shown('auth.signUp', { username })).toEqual([400, 'BAD_REQUEST', 'input_invalid'])
  expect(await shown('auth.signIn', { username, password: 'wrong' })).toEqual([
    401,
    'UNAUTHORIZED',
    'credentials_invalid',
  ])
  expect(await shown('auth.nothing', {})).toEqual([404, 'NOT_FOUND', 'not_found'])
  expect(await shown('channels.create', { slug: 'x', title: 'y' })).toEqual([
    401,
    'UNAUTHORIZED',
    'not_signed_in',
  ])
})

test('over https the cookie is Secure and bound to the host', async () => {
  await using proxied = await openPlatform(opened.database, { http: { trustedProxyHops: 1 } })
  const browser = new ApiCaller(proxied.url, { 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.1' })
  const { headers } = await browser.mutate('auth.signUp', { username: uniqueName(), password })
  expect(headers.get('set-cookie')).toMatch(/^__Host-sluice_session=.*Secure/)
  expect(headers.get('strict-transport-security')).toBe('max-age=31536000')
  expect((await browser.query('auth.me')).data).not.toBeNull()
})

test('too many wrong passwords are refused with the time to wait, for that name and address alone', async () => {
  await using strict = await openPlatform(opened.database, {
    limits: { password: new RateLimiter({ burst: 3, perMinute: 1 }) },
    http: { trustedProxyHops: 1 },
  })
  const { username } = await signUp()
  const from = (address: string) =>
    new ApiCaller(strict.url, { 'x-forwarded-for': `203.0.113.9, ${address}` })
  const attempt = async (caller: ApiCaller, word: string, name = username) => {
    const { status, headers } = await caller.mutate('auth.signIn', { username: name, password: word })
    return [status, headers.get('retry-after')]
  }
  const attacker = from('192.0.2.1')
  for (let i = 0; i < 3; i++) expect(await attempt(attacker, 'wrong')).toEqual([401, null])
  expect(await attempt(attacker, password, username.toUpperCase())).toEqual([429, '60'])
  expect(await attempt(attacker, 'wrong', 'somebody_else')).toEqual([401, null])
  expect(await attempt(from('192.0.2.2'), password)).toEqual([200, null])
})

test('sign-up and sign-in are limited by address, in one batch as well', async () => {
  const limits = {
    signUp: new RateLimiter({ burst: 2, perMinute: 1 }),
    signIn: new RateLimiter({ burst: 2, perMinute: 1 }),
  }
  await using strict = await openPlatform(opened.database, { limits })
  for (const name of ['auth.signUp', 'auth.signIn']) {
    const calls = Array.from({ length: 4 }, () => ({ username: uniqueName(), password }))
    const response = await fetch(`${strict.url}/trpc/${calls.map(() => name).join(',')}?batch=1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...calls }),
    })
    const answers = (await response.json()) as { error?: { data: { reason: string } } }[]
    expect(answers.filter(answer => answer.error?.data.reason === 'rate_limited')).toHaveLength(2)
  }
  const names = Array.from({ length: 21 }, () => 'playback.clock').join(',')
  expect((await fetch(`${strict.url}/trpc/${names}?batch=1&input={}`)).status).toBe(400)
})

test('a dump of every table contains no password, session token, refresh token or stream key', async () => {
  const { browser, accessToken, refreshToken } = await signUp()
  const { data } = await browser.mutate('channels.create', { slug: uniqueSlug(), title: 't' })
  const key = await browser.query('channels.streamKey', { channelId: (data as { id: string }).id })
  const secrets = [
    password,
    browser.cookie!.split('=')[1]!,
    accessToken,
    refreshToken,
    (key.data as { streamKey: string }).streamKey,
  ]
  const tables = (await opened.database.db.execute(
    sql`select table_name as name from information_schema.tables where table_schema = 'public'`,
  )) as unknown as { name: string }[]
  const filled = ['accounts', 'channels', 'refresh_tokens', 'sessions']
  expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(filled))
  for (const { name } of tables) {
    const dump = JSON.stringify(await opened.database.db.execute(sql.raw(`select * from ${name}`)))
    if (filled.includes(name)) expect(dump.length).toBeGreaterThan(100)
    for (const secret of secrets) expect(dump).not.toContain(secret)
  }
})
