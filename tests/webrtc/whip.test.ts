import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import * as sdpTransform from 'sdp-transform'
import { AppError } from '../../src/errors.ts'
import { offer, opus } from './offers.ts'
import { browserOffer, obsOffer, sending, simulcastOffer } from './whip-offers.ts'
import { expectReadableAnywhere, expectRefusal, type WhipPost, WhipStage } from './whip-stage.ts'

const SDP = 'application/sdp'
const FRAGMENT = 'application/trickle-ice-sdpfrag'

let stage: WhipStage

beforeAll(async () => {
  stage = await WhipStage.open()
})
beforeEach(() => {
  stage.limit = () => {}
})
afterAll(() => stage[Symbol.asyncDispose]())

describe('POST of an offer', () => {
  test('is answered with 201, the session and its ETag, and the publication is the key’s', async () => {
    await using session = await stage.start()
    expect(session.location).toMatch(/^\/whip\/channel\/[\w-]{24}$/)
    expect(session.etag).toMatch(/^"[\w-]+"$/)
    expect(session.response.headers.get('content-type')).toBe(SDP)
    expect(session.response.headers.get('accept-patch')).toBe(FRAGMENT)
    expectReadableAnywhere(session.response)
    expect(session.stream).toMatchObject({ streamKey: 'key', isBackup: false })
    expect(session.stream.publisher.software).toBe('OBS-Studio/32.0')
  })

  test('is answered recvonly, section by section, with all candidates', async () => {
    await using session = await stage.start({ body: obsOffer })
    const { media, groups, icelite } = sdpTransform.parse(session.answer)
    expect(icelite).toBe('ice-lite')
    expect(groups).toEqual([{ type: 'BUNDLE', mids: 'audio video' }])
    expect(
      media.map(each => [each.type, each.mid, each.direction, String(each.payloads), each.setup]),
    ).toEqual([
      ['audio', 'audio', 'recvonly', '111', 'passive'],
      ['video', 'video', 'recvonly', '96', 'passive'],
    ])
    expect(media.map(each => each.candidates?.map(candidate => candidate.transport))).toEqual([
      ['udp', 'tcp'],
      ['udp', 'tcp'],
    ])
    // RFC 9725 4.4.1.
    expect(session.answer.match(/^a=rtcp-mux-only\r$/gm)).toHaveLength(2)
    expect(session.answer).toContain('a=rtcp-fb:96 nack pli')
    // Without it browsers send music in mono.
    expect(session.answer).toMatch(/a=fmtp:111 .*stereo=1/)
  })

  test('of several layers takes one', async () => {
    await using session = await stage.start({ body: simulcastOffer })
    expect(session.answer).toContain('a=rid:h recv')
    expect(session.answer).toContain('a=simulcast:recv h\r\n')
  })

  test('may be for a backup', async () => {
    await using session = await stage.start({ path: 'channel?backup=1' })
    expect(session.stream.isBackup).toBe(true)
    expect(session.location).not.toContain('backup')
  })

  const refusals: { name: string; post: WhipPost; status: number; reason: string }[] = [
    { name: 'without a key', post: { authorization: '' }, status: 401, reason: 'stream_key_missing' },
    {
      name: 'with a password',
      post: { authorization: 'Basic a2V5OmtleQ==' },
      status: 401,
      reason: 'stream_key_missing',
    },
    {
      name: 'with a wrong key',
      post: { authorization: 'Bearer wrong' },
      status: 401,
      reason: 'stream_key_invalid',
    },
    {
      name: 'with another channel’s key',
      post: { path: 'other' },
      status: 403,
      reason: 'stream_key_of_other_channel',
    },
    {
      name: 'to a channel that is live',
      post: { authorization: 'Bearer taken' },
      status: 409,
      reason: 'channel_already_live',
    },
    {
      name: 'to a name no channel can have',
      post: { path: 'UPPER' },
      status: 404,
      reason: 'channel_not_found',
    },
    {
      name: 'as JSON',
      post: { type: 'application/json', body: '{}' },
      status: 415,
      reason: 'content_type_invalid',
    },
    { name: 'without a body', post: { body: '' }, status: 400, reason: 'offer_invalid' },
    { name: 'that is no SDP', post: { body: 'hello' }, status: 400, reason: 'offer_invalid' },
    {
      name: 'over 64 KiB',
      post: { body: `${browserOffer}a=${'x'.repeat(65_536)}` },
      status: 400,
      reason: 'body_too_long',
    },
    {
      name: 'with one source for both tracks',
      post: { body: obsOffer.replaceAll('1234', '1235') },
      status: 422,
      reason: 'offer_unsupported',
    },
    {
      name: 'that cannot be taken as a whole',
      post: { body: offer([sending(opus(111))]) },
      status: 422,
      reason: 'offer_unsupported',
    },
  ]
  for (const { name, post: sent, status, reason } of refusals)
    test(`${name} is refused with ${status}`, async () => {
      await expectRefusal(await stage.post(sent), status, reason)
    })

  test('that is refused for its key says which scheme is wanted', async () => {
    const challenge = async (authorization: string) =>
      (await stage.post({ authorization })).headers.get('www-authenticate')
    expect(await challenge('')).toBe('Bearer')
    expect(await challenge('Bearer wrong')).toBe('Bearer error="invalid_token"')
  })

  test('that fails leaves nothing behind, in the live session either', async () => {
    const refused = stage.live.next()
    await stage.post({ body: obsOffer.replaceAll('1234', '1235') })
    expect(await refused).toMatchObject({ leftCount: 1, hasLeftOrderly: true })
    const response = await stage.post({ authorization: 'Bearer broken' })
    expect(response.status).toBe(500)
    expect(await stage.load()).toEqual({ routers: 0, transports: 0 })
  })

  test('or PATCH that comes too often is told so', async () => {
    await using session = await stage.start()
    stage.limit = () => {
      throw new AppError('LIMIT', 'too_many_requests', 'Slow down.', { retryAfterSeconds: 7 })
    }
    const response = await stage.post()
    expect(response.headers.get('retry-after')).toBe('7')
    await expectRefusal(response, 429, 'too_many_requests')
    await expectRefusal(
      await session.patch('a=end-of-candidates', { 'if-match': '*' }),
      429,
      'too_many_requests',
    )
  })
})
