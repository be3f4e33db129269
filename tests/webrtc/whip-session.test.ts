import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import * as sdpTransform from 'sdp-transform'
import { AppError } from '../../src/errors.ts'
import { waitFor } from '../support/wait-for.ts'
import { browserOffer } from './whip-offers.ts'
import { expectReadableAnywhere, expectRefusal, WhipStage } from './whip-stage.ts'

const SDP = 'application/sdp'
const FRAGMENT = 'application/trickle-ice-sdpfrag'
const CANDIDATE = 'a=candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host'
const RESTART = 'a=ice-ufrag:another\r\na=ice-pwd:anotherpasswordanother\r\n'

let stage: WhipStage

beforeAll(async () => {
  stage = await WhipStage.open()
})
afterAll(() => stage[Symbol.asyncDispose]())

test('OPTIONS says what may be sent, and lets every page do it', async () => {
  await using session = await stage.start()
  for (const [path, header, value] of [
    ['channel', 'accept-post', SDP],
    [session.path, 'accept-patch', FRAGMENT],
  ] as const) {
    const response = await stage.request(path, {
      method: 'OPTIONS',
      headers: { origin: 'https://example.org' },
    })
    expect(response.status).toBe(200)
    expect(response.headers.get(header)).toBe(value)
    expectReadableAnywhere(response)
    const allowed = response.headers.get('access-control-allow-headers')!.split(', ')
    for (const name of ['Authorization', 'Content-Type', 'If-Match']) expect(allowed).toContain(name)
  }
})

test('GET and HEAD succeed with no content', async () => {
  await using session = await stage.start()
  for (const method of ['GET', 'HEAD'])
    for (const path of ['channel', session.path]) {
      const response = await stage.request(path, { method })
      expect(response.status).toBe(204)
      expect(await response.text()).toBe('')
    }
})

test('a publisher is part of its worker’s load until it is gone', async () => {
  const media = await stage.workers.acquire()
  const before = media.sessions
  {
    await using _session = await stage.start()
    expect(media.sessions).toBe(before + 1)
  }
  await waitFor(() => media.sessions === before, { message: 'the worker to be free of it' })
})

describe('PATCH of a session', () => {
  test('takes candidates with 204 and no ETag, under the current ETag or *', async () => {
    await using session = await stage.start()
    const trickled = `a=ice-ufrag:ufrag\r\na=ice-pwd:passwordpasswordpassword\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n${CANDIDATE}\r\n`
    for (const match of [session.etag, '*', '"*"']) {
      const response = await session.patch(trickled, { 'if-match': match })
      expect(response.status).toBe(204)
      expect(response.headers.get('etag')).toBeNull()
      expectReadableAnywhere(response)
    }
  })

  test('must say for which state it is, and be a fragment', async () => {
    await using session = await stage.start()
    await expectRefusal(await session.patch(CANDIDATE), 428, 'if_match_missing')
    await expectRefusal(await session.patch(CANDIDATE, { 'if-match': '"old"' }), 412, 'etag_stale')
    await expectRefusal(await session.patch('hello', { 'if-match': '*' }), 400, 'fragment_invalid')
    const asAnswer = { 'if-match': '*', 'content-type': SDP }
    await expectRefusal(await session.patch(browserOffer, asAnswer), 415, 'content_type_invalid')
  })

  test('restarts ICE by new credentials, with a new ETag', async () => {
    await using session = await stage.start()
    const response = await session.patch(RESTART, { 'if-match': '*' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe(FRAGMENT)
    const etag = response.headers.get('etag')!
    expect(etag).not.toBe(session.etag)
    const fragment = sdpTransform.parse(await response.text())
    expect(fragment.iceUfrag).not.toBe(sdpTransform.parse(session.answer).media[0]!.iceUfrag)
    expect(fragment.media).toMatchObject([{ type: 'video', mid: 0 }])
    await expectRefusal(await session.patch(CANDIDATE, { 'if-match': session.etag }), 412, 'etag_stale')
    expect((await session.patch(CANDIDATE, { 'if-match': etag })).status).toBe(204)
  })
})

describe('a session', () => {
  test('ends by DELETE with 200, whatever its If-Match, and the publisher has left in order', async () => {
    const session = await stage.start()
    const ended = await session.end()
    expect(ended.status).toBe(200)
    expectReadableAnywhere(ended)
    expect(session.stream).toMatchObject({ leftCount: 1, hasLeftOrderly: true })
    await expectRefusal(await session.end(), 404, 'session_not_found')
    await expectRefusal(await stage.request(session.path), 404, 'session_not_found')
  })

  test('is found under its own channel only', async () => {
    await using session = await stage.start()
    const foreign = session.path.replace('channel/', 'other/')
    await expectRefusal(await stage.request(foreign, { method: 'DELETE' }), 404, 'session_not_found')
    expect((await stage.request(session.path)).status).toBe(204)
  })

  test('ends when the live session disconnects it', async () => {
    const session = await stage.start()
    session.stream.publisher.disconnect(new AppError('CONFLICT', 'stream_ended', 'The stream was ended.'))
    session.stream.publisher.disconnect(new AppError('CONFLICT', 'stream_ended', 'The stream was ended.'))
    expect(session.stream).toMatchObject({ leftCount: 1, hasLeftOrderly: false })
    await expectRefusal(await stage.request(session.path), 404, 'session_not_found')
  })

  test('ends with its worker, and the next one is served by another', async () => {
    const session = await stage.start()
    process.kill(stage.workers.pids[0]!, 'SIGKILL')
    await session.stream.left
    expect(session.stream.hasLeftOrderly).toBe(false)
    await using _next = await stage.start()
  })

  test('that is opened and ended ten times leaves nothing behind', async () => {
    for (let round = 0; round < 10; round++) expect((await (await stage.start()).end()).status).toBe(200)
    expect(await stage.load()).toEqual({ routers: 0, transports: 0 })
  })
})

test('a publisher from whom nothing comes is reaped', async () => {
  await using impatient = await WhipStage.open({ idleMs: 300 })
  await using session = await impatient.start()
  const { stream } = session
  const cause = await stream.left
  expect(cause?.message).toContain('no media')
  expect(stream.hasLeftOrderly).toBe(false)
  await waitFor(async () => (await impatient.load()).routers === 0, { message: 'the router to be gone' })
})
