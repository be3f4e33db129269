import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { FlvDemuxer, type FlvTag } from '../../media/flv/file.ts'
import { waitFor } from '../support/wait-for.ts'
import { media, Site } from './site.ts'

/** Reads tags until there are `count`, or the response ends. */
async function readTags(response: Response, count = Number.POSITIVE_INFINITY): Promise<FlvTag[]> {
  const demuxer = new FlvDemuxer()
  const tags: FlvTag[] = []
  for await (const bytes of response.body!) {
    tags.push(...demuxer.push(bytes))
    if (tags.length >= count) break
  }
  return tags
}

describe('HTTP-FLV', () => {
  test('is an FLV file that begins at once, goes on live, and ends with the stream', async () => {
    await using site = await Site.open()
    const fed = await site.goLive(2.5)
    const response = await fetch(site.url())
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'video/x-flv',
      'cache-control': 'no-store',
      'access-control-allow-origin': '*',
    })
    const reading = readTags(response)
    await waitFor(() => site.viewerCount === 1, { message: 'the viewer' })
    site.feed(fed, 2.5, 4)
    await site.end()
    const tags = await reading
    expect(tags.slice(0, 3).map(tag => tag.type)).toEqual(['script', 'video', 'audio'])
    const pictures = tags.slice(3).filter(tag => tag.type === 'video')
    expect(pictures.map(tag => tag.timestampMs)).toEqual(Array.from({ length: 50 }, (_, index) => index * 40))
    await waitFor(() => site.viewerCount === 0, { message: 'nobody to watch' })
  })

  test('says in its header whether there is sound', async () => {
    await using site = await Site.open()
    const { tracks } = await media()
    await site.begin()
    await site.attach({ video: tracks.video })
    site.feed(await media(), 0, 1)
    const reader = (await fetch(site.url())).body!.getReader()
    expect((await reader.read()).value![4]).toBe(1)
    await reader.cancel()
  })

  test('waits for a stream that is starting, but not for ever', async () => {
    await using site = await Site.open({ flv: { startMs: 50 } })
    const { tracks } = await media()
    await site.begin()
    const late = await fetch(site.url())
    expect(late.status).toBe(404)
    expect(await late.json()).toMatchObject({ reason: 'channel_not_live' })
    expect(site.viewerCount).toBe(0)
    await using patient = await Site.open()
    await patient.begin()
    const answer = fetch(patient.url())
    await waitFor(() => patient.viewerCount === 1, { message: 'the viewer' })
    await patient.attach(tracks)
    patient.feed(await media(), 0, 1)
    expect(await readTags(await answer, 5)).not.toHaveLength(0)
  })

  test.each(['bob.flv', 'ada', 'ada.mp4', 'ADA.flv', '%2e%2e%2fada.flv', 'sk_live_secret.flv'])(
    '%s is not there, and pages may read that',
    async path => {
      await using site = await Site.open()
      await site.goLive(1)
      const response = await fetch(site.url(path))
      expect(response.status).toBe(404)
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(await response.json()).toEqual({
        ...{ type: 'about:blank', title: 'Not Found', status: 404 },
        ...{ detail: 'This channel is not live.', reason: 'channel_not_live' },
      })
    },
  )

  test('HEAD and OPTIONS start nothing', async () => {
    await using site = await Site.open()
    await site.goLive(1)
    const head = await fetch(site.url(), { method: 'HEAD' })
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'video/x-flv'])
    expect((await fetch(site.url('bob.flv'), { method: 'HEAD' })).status).toBe(404)
    const preflight = await fetch(site.url(), { method: 'OPTIONS' })
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
    expect(site.viewerCount).toBe(0)
  })

  test('with gop=0 begins at the next key picture', async () => {
    await using site = await Site.open()
    const fed = await site.goLive(1.5)
    const reading = fetch(site.url('ada.flv?gop=0')).then(response => readTags(response))
    await waitFor(() => site.viewerCount === 1, { message: 'the viewer' })
    site.feed(fed, 1.5, 3)
    await site.end()
    const pictures = (await reading).slice(3).filter(tag => tag.type === 'video')
    expect(pictures).toHaveLength(25)
  })

  test('players of one browser are one person, and each without a browser’s key another', async () => {
    await using site = await Site.open()
    await site.goLive(1)
    const cookie = `sluice_viewer=${'k'.repeat(22)}`
    const all = [{ cookie }, { cookie }, {}, {}].map(headers => fetch(site.url(), { headers }))
    await waitFor(() => site.viewerCount === 4, { message: 'all of them' })
    expect(new Set(site.flv.find('ada')!.viewerKeys()).size).toBe(3)
    await site.end()
    for (const response of await Promise.all(all)) await readTags(response)
  })

  test('a hundred viewers that come and go leave nothing behind', async () => {
    await using site = await Site.open()
    await site.goLive(1)
    for (let round = 0; round < 10; round++) {
      const controllers = Array.from({ length: 10 }, () => new AbortController())
      const readings = controllers.map(({ signal }) =>
        fetch(site.url(), { signal }).then(async response => (await response.body!.getReader().read()).value),
      )
      for (const first of await Promise.all(readings)) expect(first!.byteLength).toBeGreaterThan(100)
      for (const controller of controllers) controller.abort()
    }
    await waitFor(() => site.viewerCount === 0, { message: 'nobody to watch' })
  })

  test('a client that reads nothing is bounded, cut off, and costs nobody else', async () => {
    await using site = await Site.open({ flv: { limits: { maxQueuedBytes: 1_048_576, stallMs: 300 } } })
    const fed = await site.goLive(1)
    const { promise: cut, resolve } = Promise.withResolvers<void>()
    const socket = connect(site.httpPort, '127.0.0.1', () => {
      socket.pause()
      socket.write(`GET /flv/ada.flv HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`)
    })
    socket.on('close', () => resolve())
    await waitFor(() => site.viewerCount === 1, { message: 'the slow viewer' })
    let quickBytes = 0
    const quick = await fetch(site.url())
    const reading = (async () => {
      for await (const bytes of quick.body!) quickBytes += bytes.byteLength
    })()
    const stream = site.flv.find('ada')!
    const before = process.memoryUsage.rss()
    let fedBytes = 0
    // More than the socket's buffers hold; the same four seconds again and again.
    for (let round = 0; stream.viewerCount > 1; round++) {
      await site.attach(fed.tracks)
      site.feed(fed, 0, 4)
      fedBytes += fed.units.reduce((sum, unit) => sum + unit.data.byteLength, 0)
      // Whoever reads misses nothing.
      while (quickBytes < fedBytes) await Bun.sleep(1)
      expect(round).toBeLessThan(5_000)
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 2 ** 20)
    await site.end()
    await reading
    socket.resume()
    await cut
  }, 30_000)
})
