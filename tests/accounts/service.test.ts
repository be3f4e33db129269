/** Accounts on both databases: names, passwords, and the tokens that one sign-in hands out. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { SignJWT, UnsecuredJWT } from 'jose'
import { deriveKey } from '../../src/accounts/secret.ts'
import type { AccountsService } from '../../src/accounts/service.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createServices, TEST_SECRET } from '../support/platform.ts'

const password = 'correct horse battery'
const day = 24 * 60 * 60 * 1000

describe.each([...databaseKinds])('%s', kind => {
  let opened: TestDatabase
  let accounts: AccountsService
  let now = Date.now()

  beforeAll(async () => {
    opened = await openTestDatabase(kind)
    accounts = createServices(opened.database, { now: () => now }).accounts
  }, 30_000)
  afterAll(() => opened[Symbol.asyncDispose]())

  const signUp = async (username: string) => {
    const account = await accounts.signUp({ username, password })
    return { account, ...(await accounts.start(account, false)) }
  }
  const reasonOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'accepted',
      error => error.reason,
    )

  test('a name is taken whatever its case, also when two ask at once', async () => {
    await accounts.signUp({ username: ' Alice ', password })
    expect(await reasonOf(accounts.signUp({ username: 'aLICE', password }))).toBe('username_taken')
    const both = ['twin', 'TWIN'].map(username => reasonOf(accounts.signUp({ username, password })))
    expect((await Promise.all(both)).sort()).toEqual(['accepted', 'username_taken'])
  })

  test.each([
    ['ab', password, 'username_invalid'],
    ['a'.repeat(25), password, 'username_invalid'],
    ['with space', password, 'username_invalid'],
    ['nul\0byte', password, 'username_invalid'],
    ['ünicode', password, 'username_invalid'],
    ['short_password', 'seven77', 'password_invalid'],
    ['long_password', 'x'.repeat(129), 'password_invalid'],
  ])('refuses %j with %j', async (username, password, reason) => {
    expect(await reasonOf(accounts.signUp({ username, password }))).toBe(reason)
  })

  test('a wrong password and an unknown name are told in the same words', async () => {
    await accounts.signUp({ username: 'bob', password })
    expect(await accounts.checkPassword({ username: 'BOB', password })).toMatchObject({ username: 'bob' })
    const errors = await Promise.all(
      [
        { username: 'bob', password: 'wrong password' },
        { username: 'nobody_here', password },
        { username: "' or 1=1 --", password },
        { username: 'bob', password: password.padEnd(2_000, 'x') },
      ].map(credentials => accounts.checkPassword(credentials).catch(error => error)),
    )
    for (const error of errors)
      expect([error.reason, error.message]).toEqual(['credentials_invalid', errors[0].message])
  })

  test('an access token tells who calls, for 15 minutes', async () => {
    const { account, tokens } = await signUp('carol')
    expect((await accounts.getByAccessToken(tokens.accessToken)).account).toEqual(account)
    expect(tokens.accessTokenExpiresAt.getTime() - now).toBeWithin(14 * 60_000, 15 * 60_000 + 1)
    now += 15 * 60_000 + 1_000
    expect(await reasonOf(accounts.getByAccessToken(tokens.accessToken))).toBe('access_token_invalid')
  })

  test('tokens of another key, algorithm, audience or type are refused', async () => {
    const { account, tokens } = await signUp('dave')
    const { familyId } = await accounts.getByAccessToken(tokens.accessToken)
    const seconds = Math.floor(now / 1000)
    const forge = (key: Uint8Array, alg: string, typ: string, aud: string) =>
      new SignJWT({ fam: familyId, sub: account.id, iss: 'sluice', aud, exp: seconds + 600 })
        .setProtectedHeader({ alg, typ })
        .sign(key)
    const key = deriveKey(TEST_SECRET, 'access-token')
    expect(await reasonOf(accounts.getByAccessToken(await forge(key, 'HS256', 'at+jwt', 'sluice-api')))).toBe(
      'accepted',
    )
    const unsigned = new UnsecuredJWT({
      fam: familyId,
      sub: account.id,
      iss: 'sluice',
      aud: 'sluice-api',
      exp: seconds + 600,
    })
    const forged = [
      await forge(deriveKey(TEST_SECRET, 'stream-key'), 'HS256', 'at+jwt', 'sluice-api'),
      await forge(new Uint8Array(64).fill(1), 'HS512', 'at+jwt', 'sluice-api'),
      await forge(key, 'HS256', 'jwt', 'sluice-api'),
      await forge(key, 'HS256', 'at+jwt', 'another'),
      unsigned.encode(),
      `${tokens.accessToken.slice(0, -2)}xx`,
      'nonsense',
      '',
      'x'.repeat(100_000),
    ]
    for (const token of forged)
      expect(await reasonOf(accounts.getByAccessToken(token))).toBe('access_token_invalid')
  })

  test('a refresh token gives one new pair; its second use ends everything of that sign-in alone', async () => {
    const first = await signUp('erin')
    const other = await accounts.start(first.account, false)
    const second = await accounts.refresh(first.tokens.refreshToken)
    expect((await accounts.getByAccessToken(second.accessToken)).account).toEqual(first.account)
    expect(await reasonOf(accounts.refresh(first.tokens.refreshToken))).toBe('refresh_token_reused')
    expect(await reasonOf(accounts.refresh(second.refreshToken))).toBe('refresh_token_invalid')
    expect(await reasonOf(accounts.getByAccessToken(second.accessToken))).toBe('access_token_invalid')
    expect(await accounts.findByCookie(cookieOf(first.cookie), false)).toBeUndefined()
    expect(await reasonOf(accounts.getByAccessToken(other.tokens.accessToken))).toBe('accepted')
  })

  test('of ten that present one refresh token at once, one is served and the family ends', async () => {
    const { tokens } = await signUp('frank')
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () =>
        accounts.refresh(tokens.refreshToken).catch(error => String(error.reason)),
      ),
    )
    const [pair, ...more] = outcomes.filter(outcome => typeof outcome !== 'string')
    expect(more).toEqual([])
    expect(outcomes).toContain('refresh_token_reused')
    expect(await reasonOf(accounts.refresh(pair!.refreshToken))).toBe('refresh_token_invalid')
  })

  test('a refresh token lasts 30 days', async () => {
    const { tokens } = await signUp('grace')
    now += 29 * day
    const next = await accounts.refresh(tokens.refreshToken)
    now += 31 * day
    expect(await reasonOf(accounts.refresh(next.refreshToken))).toBe('refresh_token_invalid')
  })

  test('signing out ends session, access token and refresh token, and nobody else’s', async () => {
    const mine = await signUp('heidi')
    const yours = await signUp('ivan')
    const { familyId } = (await accounts.findByCookie(cookieOf(mine.cookie), false))!
    await accounts.signOut(familyId)
    await accounts.signOut(familyId)
    expect(await accounts.findByCookie(cookieOf(mine.cookie), false)).toBeUndefined()
    expect(await reasonOf(accounts.getByAccessToken(mine.tokens.accessToken))).toBe('access_token_invalid')
    expect(await reasonOf(accounts.refresh(mine.tokens.refreshToken))).toBe('refresh_token_invalid')
    expect(await accounts.findByCookie(cookieOf(yours.cookie), false)).toMatchObject({
      account: yours.account,
    })
    await accounts.signOutByRefreshToken(yours.tokens.refreshToken)
    expect(await accounts.findByCookie(cookieOf(yours.cookie), false)).toBeUndefined()
  })
})

function cookieOf(setCookie: string): string {
  return setCookie.split(';')[0]!
}
