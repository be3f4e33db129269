/** The API documentation: complete, valid enough to be generated from, and free of other servers. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { Elysia } from 'elysia'
import { appRouter } from '../../src/api/router.ts'
import { CLOSE } from '../../src/chat-socket/chat-socket.ts'
import { type ChatRouteOptions, chatRoutes } from '../../src/chat-socket/routes.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { openPlatform, type TestPlatform } from '../support/platform.ts'

let opened: TestDatabase
let platform: TestPlatform

beforeAll(async () => {
  opened = await openTestDatabase('pglite')
  const plugins = [
    new Elysia().get('/hls/:slug/index.m3u8', () => '', { detail: { summary: 'Playlist' } }),
    // Nobody calls it here.
    chatRoutes({} as ChatRouteOptions),
  ]
  platform = await openPlatform(opened.database, { plugins })
}, 30_000)
afterAll(async () => {
  await platform[Symbol.asyncDispose]()
  await opened[Symbol.asyncDispose]()
})

interface Operation {
  operationId: string
  description?: string
  security?: unknown
  parameters?: { name: string; content: unknown }[]
  requestBody?: { required: boolean; content: { 'application/json': { schema: Record<string, unknown> } } }
  responses: Record<string, { content: { 'application/json': { schema: unknown } } }>
}

const openApi = async () =>
  (await (await fetch(`${platform.url}/docs/json`)).json()) as {
    openapi: string
    paths: Record<string, Record<string, Operation>>
  }

test('every procedure and every route is described', async () => {
  const { openapi, paths } = await openApi()
  expect(openapi).toStartWith('3.1')
  const procedures = Object.keys(appRouter._def.procedures)
  expect(procedures.length).toBeGreaterThanOrEqual(19)
  for (const name of procedures) {
    const [operation] = Object.values(paths[`/trpc/${name}`]!)
    expect(operation!.operationId).toBe(name)
    expect(operation!.description).toEndWith('.')
    expect(JSON.stringify(operation!.responses['200']!.content)).toContain('"data"')
  }
  for (const path of ['/healthz', '/readyz', '/metrics', '/hls/{slug}/index.m3u8'])
    expect(paths[path]).toBeDefined()
  expect(paths['/trpc/*']).toBeUndefined()
})

test('the chat’s WebSocket is described with everything that is said over it', async () => {
  const { paths } = await openApi()
  const { description } = paths['/chat/{slug}']!['get']!
  const wire = await Bun.file(join(import.meta.dir, '../../src/chat-socket/wire.ts')).text()
  const events = await Bun.file(join(import.meta.dir, '../../src/chat/events.ts')).text()
  const types = [...`${wire}${events}`.matchAll(/readonly type: '(\w+)'/g)].map(([, type]) => type!)
  expect(types.length).toBeGreaterThan(15)
  for (const type of types) expect(description).toMatch(new RegExp(`\\b${type}\\b`))
  for (const code of Object.values(CLOSE)) expect(description).toContain(String(code))
})

test('a procedure’s method, input, output and need of an account are told', async () => {
  const { paths } = await openApi()
  const create = paths['/trpc/channels.create']!['post']!
  expect(create.requestBody!.content['application/json'].schema).toMatchObject({
    required: ['slug', 'title'],
  })
  expect(create.security).toEqual([{ bearer: [] }, { session: [] }])
  const live = paths['/trpc/streams.live']!['get']!
  expect(live.parameters).toMatchObject([{ name: 'input', required: false }] as never)
  expect(live.security).toBeUndefined()
  expect(JSON.stringify(live.responses['200'])).toContain('viewerCount')
})

test('the page takes its script from this server and nothing from elsewhere', async () => {
  const response = await fetch(`${platform.url}/docs`)
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  const page = await response.text()
  expect(page).not.toMatch(/https?:\/\//)
  const [, script] = /<script src="([^"]+)"/.exec(page)!
  const bundle = await fetch(`${platform.url}${script}`)
  expect(bundle.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
  expect((await bundle.arrayBuffer()).byteLength).toBeGreaterThan(100_000)
})
