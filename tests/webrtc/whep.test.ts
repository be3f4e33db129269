import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import * as sdpTransform from 'sdp-transform'
import { AppError } from '../../src/errors.ts'
import type { LiveStream } from '../../src/live/live-stream.ts'
import { firefoxOffer, h264, offer, opus, safariOffer } from './offers.ts'
import { Stage } from './stage.ts'

const SDP = 'application/sdp'
const FRAGMENT = 'application/trickle-ice-sdpfrag'
const CANDIDATE = 'a=candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host'

let stage: Stage
let stream: LiveStream

beforeAll(async () => {
  stage = await Stage.open()
  stream = await stage.start('ada')
})
beforeEach(() => {
  stage.limit = () => {}
})
afterAll(() => stage.close())

function post(body: string | null = firefoxOffer, path = 'ada', type = SDP): Promise<Response> {
  return stage.request(path, { method: 'POST', body, headers: type === '' ? {} : { 'content-type': type } })
}

function patch(session: Answer, body: string, headers: Record<string, string> = {}): Promise<Response> {
  const all = { 'content-type': FRAGMENT, ...headers }
  return stage.request(session.path, { method: 'PATCH', body, headers: all })
}

interface Answer {
  /** Below /whep/. */
  readonly path: string
  readonly etag: string
  readonly sdp: string
  readonly response: Response
}

async function start(body: string | null = firefoxOffer): Promise<Answer> {
  const response = await post(body)
  expect(response.status).toBe(201)
  const path = response.headers.get('location')!.replace('/whep/', '')
  return { path, etag: response.headers.get('etag')!, sdp: await response.text(), response }
}

/** What a page on any other site needs to read an answer. */
function expectReadableAnywhere(response: Response): void {
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  const exposed = response.headers.get('access-control-expose-headers') ?? ''
  for (const name of ['Location', 'ETag', 'Link', 'Retry-After']) expect(exposed.split(', ')).toContain(name)
}

async function expectRefusal(response: Response, status: number, reason: string): Promise<void> {
  expect(response.status).toBe(status)
  expectReadableAnywhere(response)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(await response.json()).toMatchObject({ status, reason })
}

test('an offer is answered with 201, the session, and its ETag', async () => {
  const { path, etag, sdp, response } = await start()
  expect(path).toMatch(/^ada\/[\w-]{24}$/)
  expect(etag).toMatch(/^"[\w-]+"$/)
  expect(response.headers.get('content-type')).toBe(SDP)
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('accept-patch')).toContain(FRAGMENT)
  expectReadableAnywhere(response)
  expect(sdpTransform.parse(sdp).media.map(media => `${media.type} ${media.payloads}`)).toEqual([
    'audio 109',
    'video 126',
  ])
})

test('the content type may have parameters and capitals', async () => {
  expect((await post(safariOffer, 'ada', 'Application/SDP; charset=utf-8')).status).toBe(201)
})

test('no two sessions have one address', async () => {
  const answers = await Promise.all([start(), start(safariOffer), start(null)])
  expect(new Set(answers.map(answer => answer.path)).size).toBe(3)
})

const refusals: { name: string; body: string; type?: string; reason: string }[] = [
  { name: 'a body of another type', body: firefoxOffer, type: 'text/plain', reason: 'content_type_invalid' },
  { name: 'a body without type', body: firefoxOffer, type: '', reason: 'content_type_invalid' },
  { name: 'JSON', body: '{"sdp":""}', type: 'application/json', reason: 'content_type_invalid' },
  { name: 'no SDP', body: 'hello', reason: 'offer_invalid' },
  { name: 'an offer without H.264 and Opus', body: offer([{}]), reason: 'codecs_unsupported' },
  { name: 'a body over 64 KiB', body: `${firefoxOffer}a=${'x'.repeat(65_536)}`, reason: 'body_too_long' },
]
for (const { name, body, type, reason } of refusals)
  test(`POST of ${name} is refused with 400`, async () => {
    await expectRefusal(await post(body, 'ada', type), 400, reason)
  })

test('a body over 64 KiB is refused though its length is not told before', async () => {
  const chunk = new TextEncoder().encode('x'.repeat(10_000))
  let sent = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent++ < 10) controller.enqueue(chunk)
      else controller.close()
    },
  })
  const response = await stage.request('ada', { method: 'POST', body, headers: { 'content-type': SDP } })
  await expectRefusal(response, 400, 'body_too_long')
})

test('a channel that is not live answers 409 and when to try again, to every way of asking', async () => {
  const response = await post(firefoxOffer, 'bob')
  expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
  await expectRefusal(response, 409, 'channel_not_live')
  await expectRefusal(await post(null, 'bob'), 409, 'channel_not_live')
  await expectRefusal(await stage.request('bob'), 409, 'channel_not_live')
})

test('a name that no channel can have is not found', async () => {
  for (const slug of ['UPPER', 'a'.repeat(65), '%2e%2e%2fetc', 'a%00'])
    await expectRefusal(await post(firefoxOffer, slug), 404, 'channel_not_found')
})

test('who asks too often is told so', async () => {
  stage.limit = () => {
    throw new AppError('LIMIT', 'too_many_requests', 'Slow down.', { retryAfterSeconds: 7 })
  }
  const response = await post()
  expect(response.headers.get('retry-after')).toBe('7')
  await expectRefusal(response, 429, 'too_many_requests')
})

test('OPTIONS says what may be sent, and lets every page do it', async () => {
  const session = await start()
  for (const [path, header, value] of [
    ['ada', 'accept-post', SDP],
    ['bob', 'accept-post', SDP],
    [session.path, 'accept-patch', FRAGMENT],
  ] as const) {
    const response = await stage.request(path, {
      method: 'OPTIONS',
      headers: { origin: 'https://example.org', 'access-control-request-method': 'POST' },
    })
    expect(response.status).toBe(204)
    expect(response.headers.get(header)).toContain(value)
    expectReadableAnywhere(response)
    const methods = response.headers.get('access-control-allow-methods')!.split(', ')
    for (const method of ['POST', 'PATCH', 'DELETE']) expect(methods).toContain(method)
    const headers = response.headers.get('access-control-allow-headers')!.split(', ')
    for (const name of ['Authorization', 'Content-Type', 'If-Match']) expect(headers).toContain(name)
  }
})

test('GET and HEAD of the endpoint say what it is, without a body', async () => {
  for (const method of ['GET', 'HEAD']) {
    const response = await stage.request('ada', { method })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe(SDP)
    expect(await response.text()).toBe('')
  }
})

test('candidates are taken with 204 and no ETag, under the current ETag or *', async () => {
  const session = await start()
  const trickled = `a=ice-ufrag:ufrag\r\na=ice-pwd:passwordpasswordpassword\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n${CANDIDATE}\r\n`
  for (const match of [session.etag, '*', '"*"']) {
    const response = await patch(session, trickled, { 'if-match': match })
    expect(response.status).toBe(204)
    expect(response.headers.get('etag')).toBeNull()
    expectReadableAnywhere(response)
  }
  expect((await stage.request(session.path)).headers.get('etag')).toBe(session.etag)
})

test('a fragment must say which session state it is for', async () => {
  const session = await start()
  await expectRefusal(await patch(session, CANDIDATE), 428, 'if_match_missing')
  await expectRefusal(await patch(session, CANDIDATE, { 'if-match': '"old"' }), 412, 'etag_stale')
})

test('what is neither an answer nor a fragment is refused', async () => {
  const session = await start()
  const headers = { 'if-match': '*' }
  const json = { ...headers, 'content-type': 'application/json' }
  await expectRefusal(await patch(session, '{}', json), 415, 'content_type_invalid')
  for (const body of ['', 'hello', 'a=candidate:1\r\nv=0', '<a=b>'])
    await expectRefusal(await patch(session, body, headers), 400, 'fragment_invalid')
  const long = `a=x:${'x'.repeat(70_000)}`
  await expectRefusal(await patch(session, long, headers), 400, 'body_too_long')
})

for (const [name, candidates] of [
  ['without candidates yet', ''],
  ['with its new candidates', `m=audio 9 RTP/AVP 0\r\na=mid:0\r\n${CANDIDATE}\r\na=end-of-candidates\r\n`],
] as const)
  test(`ICE is restarted by new credentials ${name}, and gets a new ETag`, async () => {
    const session = await start()
    const body = `a=ice-ufrag:another\r\na=ice-pwd:anotherpasswordanother\r\n${candidates}`
    const response = await patch(session, body, { 'if-match': '*' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe(FRAGMENT)
    expectReadableAnywhere(response)
    const etag = response.headers.get('etag')!
    expect(etag).not.toBe(session.etag)
    const fragment = sdpTransform.parse(await response.text())
    const before = sdpTransform.parse(session.sdp)
    expect(fragment.iceUfrag).toBeDefined()
    expect(fragment.iceUfrag).not.toBe(before.media[0]!.iceUfrag)
    expect(fragment.icePwd).not.toBe(before.media[0]!.icePwd)
    expect(fragment.media).toMatchObject([{ type: 'audio', mid: before.media[0]!.mid }])
    expect(fragment.media[0]!.candidates?.length).toBe(2)
    // The old state is gone, the new one can be trickled to, and the same credentials restart nothing again.
    await expectRefusal(await patch(session, CANDIDATE, { 'if-match': session.etag }), 412, 'etag_stale')
    expect((await patch(session, CANDIDATE, { 'if-match': etag })).status).toBe(204)
    expect((await patch(session, body, { 'if-match': '*' })).status).toBe(204)
    expect((await stage.request(session.path)).headers.get('etag')).toBe(etag)
  })

test('a session can be asked after, ended, and is gone then', async () => {
  const session = await start()
  const alive = await stage.request(session.path)
  expect(alive.status).toBe(204)
  expect(alive.headers.get('etag')).toBe(session.etag)
  // RFC 9725 4.2: whatever its If-Match says.
  const ended = await stage.request(session.path, { method: 'DELETE', headers: { 'if-match': '"old"' } })
  expect(ended.status).toBe(200)
  expectReadableAnywhere(ended)
  for (const method of ['DELETE', 'GET', 'PATCH'])
    await expectRefusal(await stage.request(session.path, { method }), 404, 'session_not_found')
})

test('a session is found under its own channel only', async () => {
  const session = await start()
  const bob = await stage.start('bob')
  const foreign = session.path.replace('ada/', 'bob/')
  await expectRefusal(await stage.request(foreign, { method: 'DELETE' }), 404, 'session_not_found')
  expect((await stage.request(session.path)).status).toBe(204)
  await bob.end()
})

test('an empty POST gets an offer, which can be answered once', async () => {
  const session = await start(null)
  const offered = sdpTransform.parse(session.sdp)
  expect(offered.media.map(media => `${media.type} ${media.setup}`)).toEqual([
    'video actpass',
    'audio actpass',
  ])
  expect(session.response.headers.get('accept-patch')).toContain(SDP)
  const answer = offer([h264(102), opus(111)]).replace('actpass', 'active')
  const headers = { 'content-type': SDP }
  await expectRefusal(await patch(session, 'hello', headers), 400, 'answer_invalid')
  const answered = await patch(session, answer, headers)
  expect(answered.status).toBe(204)
  expectReadableAnywhere(answered)
  await expectRefusal(await patch(session, answer, headers), 409, 'already_answered')
})

test('an offer of ours is of video alone where that is asked', async () => {
  const response = await post(null, 'ada?media=video')
  const { media } = sdpTransform.parse(await response.text())
  expect(media.map(each => each.type)).toEqual(['video'])
})

test('a session made by a client’s offer takes no answer', async () => {
  const session = await start()
  const response = await patch(session, firefoxOffer.replace('actpass', 'active'), { 'content-type': SDP })
  await expectRefusal(response, 409, 'already_answered')
})

test('sixteen kinds of browsers are served, and a seventeenth is told to come later', async () => {
  const channel = await stage.start('crowd')
  const statuses: number[] = []
  for (let payloadType = 96; payloadType < 113; payloadType++)
    statuses.push((await post(offer([h264(payloadType), opus(120)]), 'crowd')).status)
  expect(statuses).toEqual([...Array<number>(16).fill(201), 429])
  // One that is known is still served.
  expect((await post(offer([h264(96), opus(120)]), 'crowd')).status).toBe(201)
  await channel.end()
})

test('when the stream ends, its sessions end with it', async () => {
  const channel = await stage.start('short')
  const response = await post(firefoxOffer, 'short')
  const path = response.headers.get('location')!.replace('/whep/', '')
  await channel.end()
  await expectRefusal(await stage.request(path), 404, 'session_not_found')
  await expectRefusal(await post(firefoxOffer, 'short'), 409, 'channel_not_live')
  expect(stream.viewerCount).toBe(0)
})

test('a viewer who comes while the stream ends is told that it is over', async () => {
  const channel = await stage.start('ending')
  const coming = post(firefoxOffer, 'ending')
  const ending = channel.end()
  await expectRefusal(await coming, 409, 'channel_not_live')
  await ending
})
