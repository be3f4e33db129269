import { afterAll, beforeAll, expect, test } from 'bun:test'
import { offer, opus } from './offers.ts'
import { Stage } from './stage.ts'

let stage: Stage

beforeAll(async () => {
  stage = await Stage.open()
  await stage.start('ada')
})
afterAll(() => stage.close())

async function start(body: string | null = null): Promise<{ path: string; link: string }> {
  const headers = { 'content-type': 'application/sdp' }
  const response = await stage.request('ada', { method: 'POST', body, ...(body !== null && { headers }) })
  expect(response.status).toBe(201)
  const path = response.headers.get('location')!.replace('/whep/', '')
  return { path, link: response.headers.get('link')! }
}

function expectReadableAnywhere(response: Response): void {
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(response.headers.get('access-control-expose-headers')).toContain('Link')
}

async function expectRefusal(response: Response, status: number, reason: string): Promise<void> {
  expect(response.status).toBe(status)
  expectReadableAnywhere(response)
  expect(await response.json()).toMatchObject({ status, reason })
}

test('a session says which layers there are, and takes a choice', async () => {
  const { path, link } = await start()
  expect(link).toBe(`</whep/${path}/layer>; rel="urn:ietf:params:whep:ext:core:layer"`)
  const layer = `${path}/layer`
  const choose = (body: string) => stage.request(layer, { method: 'POST', body })
  const answer = await stage.request(layer)
  expect(answer.headers.get('content-type')).toBe('application/json')
  expectReadableAnywhere(answer)
  expect(await answer.json()).toEqual({
    layers: [{ encodingId: 'source', bitrateBps: 0, isActive: false }],
    current: null,
    pinned: null,
  })
  const chosen = await choose('{"encodingId":"source","mediaId":"0"}')
  expect(chosen.status).toBe(200)
  expectReadableAnywhere(chosen)
  expect(await chosen.json()).toMatchObject({ pinned: 'source' })
  expect(await (await choose('{"encodingId":null}')).json()).toMatchObject({ pinned: null })
  for (const body of ['', 'hello', 'null', '[]', '{}', '{"encodingId":7}', '{"encodingId":"480p"}'])
    await expectRefusal(await choose(body), 400, 'layer_unknown')
  const preflight = await stage.request(layer, { method: 'OPTIONS' })
  expect(preflight.status).toBe(204)
  expectReadableAnywhere(preflight)
  const sound = await start(offer([opus(111)]))
  await expectRefusal(await stage.request(`${sound.path}/layer`), 404, 'no_picture')
  await expectRefusal(await stage.request('ada/unknown/layer'), 404, 'session_not_found')
})
