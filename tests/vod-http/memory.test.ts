/** Segments that many ask for are answered from memory, without another look at their video. */
import { expect, test } from 'bun:test'
import { AppError } from '../../src/errors.ts'
import { encode } from '../hls/encoder.ts'
import { openVodSite } from './site.ts'

test('a segment in memory is answered the same, until its video is looked at again', async () => {
  const media = await encode({ seconds: 4, size: '64x36' })
  let now = 0
  const refused = new AppError('FORBIDDEN', 'playback_token_invalid', 'No.')
  const mayWatch = () => Promise.reject(refused)
  await using remembering = await openVodSite({ mayWatch, freshMs: 2_000, now: () => now })
  const { id, segments } = await remembering.add({ broadcasts: [media] })
  const { data } = segments.get('audio')![1]!
  const ask = (init?: RequestInit) => remembering.fetch(`${id}/audio/1.m4s`, init)
  const headersOf = ({ headers }: Response) => [...headers].filter(([name]) => name !== 'date')
  const first = await ask()
  for (let time = 0; time < 2; time++) {
    const again = await ask()
    expect([again.status, headersOf(again)]).toEqual([200, headersOf(first)])
    expect(Buffer.compare(await again.bytes(), data)).toBe(0)
  }
  const part = await ask({ headers: { range: 'bytes=0-9' } })
  expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 0-9/${data.byteLength}`])
  expect((await ask({ headers: { 'if-none-match': first.headers.get('etag')! } })).status).toBe(304)
  expect((await ask({ method: 'HEAD' })).headers.get('content-length')).toBe(`${data.byteLength}`)
  expect((await ask({ method: 'DELETE' })).status).toBe(405)
  await remembering.vods.vods.update(remembering.channel.ownerId, id, { visibility: 'private' })
  now += 2_000
  for (let time = 0; time < 2; time++) expect((await ask()).status).toBe(403)
  await remembering.vods.vods.update(remembering.channel.ownerId, id, { visibility: 'public' })
  now += 2_000
  expect((await ask()).status).toBe(200)
  await remembering.vods.vods.remove(id)
  now += 2_000
  expect((await ask()).status).toBe(404)
})
