/** Browsers' sessions: what the cookie says, how long it lasts, what the table keeps. */
import { afterAll, afterEach, beforeAll, expect, setSystemTime, test } from 'bun:test'
import { Sessions } from '../../src/accounts/sessions.ts'
import { accounts, sessions as table } from '../../src/db/schema.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'

const day = 24 * 60 * 60 * 1000
const accountId = Bun.randomUUIDv7()
let opened: TestDatabase
let sessions: Sessions

beforeAll(async () => {
  opened = await openTestDatabase('postgres')
  const account = { id: accountId, username: 'alice', passwordHash: 'x', createdAt: new Date() }
  await opened.database.db.insert(accounts).values(account)
  sessions = new Sessions(opened.database.db)
}, 30_000)
afterAll(() => opened[Symbol.asyncDispose]())
afterEach(() => {
  setSystemTime()
})

const start = async (isSecure = false) => {
  const setCookie = await sessions.start(accountId, Bun.randomUUIDv7(), isSecure)
  return { setCookie, cookie: setCookie.split(';')[0]! }
}

test('over http the cookie is httpOnly and SameSite=Lax; over https also Secure and bound to the host', async () => {
  const plain = (await start()).setCookie
  expect(plain).toMatch(/^sluice_session=/)
  expect(plain).toMatch(/HttpOnly/)
  expect(plain).toMatch(/SameSite=Lax/)
  expect(plain).not.toMatch(/Secure/)
  const secure = (await start(true)).setCookie
  expect(secure).toMatch(/^__Host-sluice_session=/)
  for (const attribute of [/HttpOnly/, /SameSite=Lax/, /Secure/, /Path=\//]) expect(secure).toMatch(attribute)
  expect(secure).not.toMatch(/Domain/)
})

test('the table holds a hash, never the token', async () => {
  const { cookie } = await start()
  const token = cookie.split('=')[1]!
  expect(await sessions.find(cookie, false)).toMatchObject({ accountId })
  expect(JSON.stringify(await opened.database.db.select().from(table))).not.toContain(token)
  const [row] = await opened.database.db.select().from(table)
  expect(await sessions.find(`sluice_session=${row!.id}`, false)).toBeUndefined()
})

test('a cookie of the http site does not count on the https site', async () => {
  const { cookie } = await start()
  expect(await sessions.find(cookie, true)).toBeUndefined()
  expect(await sessions.find(`padding=${'x'.repeat(10_000)}; ${cookie}`, false)).toBeUndefined()
})

test('a session that is used goes on, with a renewed cookie; an idle one ends after 14 days', async () => {
  const { cookie } = await start()
  const began = Date.now()
  setSystemTime(began + 6 * day)
  expect((await sessions.find(cookie, false))?.renewedCookie).toBeUndefined()
  setSystemTime(began + 8 * day)
  expect((await sessions.find(cookie, false))?.renewedCookie).toStartWith(`${cookie};`)
  setSystemTime(began + 21 * day)
  expect(await sessions.find(cookie, false)).toBeDefined()
  setSystemTime(began + 36 * day)
  expect(await sessions.find(cookie, false)).toBeUndefined()
})

test('however busy, a session ends after 90 days', async () => {
  const { cookie } = await start()
  const began = Date.now()
  for (let days = 5; days < 90; days += 5) {
    setSystemTime(began + days * day)
    expect(await sessions.find(cookie, false)).toBeDefined()
  }
  setSystemTime(began + 90 * day)
  expect(await sessions.find(cookie, false)).toBeUndefined()
})
