/** A channel becomes private while it is watched: over every protocol, at the real server, who may not is out at once. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { RtmpClient } from '../ingest/rtmp-client.ts'
import { waitFor } from '../support/wait-for.ts'
import { PrivateSite } from './private-site.ts'

let site: PrivateSite
/** From the answer to the change on: what is under way ends in less than what a person notices. */
const SOON_MS = 1_000

beforeAll(async () => {
  site = await PrivateSite.open()
}, 60_000)
beforeEach(() => site.setVisibility('public'))
afterAll(() => site[Symbol.asyncDispose]())

const ask = (path: string, init: RequestInit = {}) => fetch(`${site.sluice.url}${path}`, init)

/** A body that lasts. */
class Watching {
  /** Resolves when it has ended. */
  readonly ended: Promise<void>
  #bytes = 0

  constructor(response: Response) {
    this.ended = this.#read(response)
  }

  /** Resolves when it has had more than now. */
  async goesOn(): Promise<void> {
    const before = this.#bytes
    await waitFor(() => this.#bytes > before + 10_000, { message: 'more to come', timeoutMs: 5_000 })
  }

  async #read(response: Response): Promise<void> {
    for await (const chunk of response.body!) this.#bytes += chunk.byteLength
  }
}

/** Rejects when `promise` is not settled in time. */
async function soon<T>(promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`it has not ended within ${SOON_MS} ms`)), SOON_MS)
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

async function ownersToken(): Promise<string> {
  await site.setVisibility('private')
  const token = await site.rightToken()
  await site.setVisibility('public')
  return token
}

async function play(name: string): Promise<RtmpClient> {
  const client = await RtmpClient.open(Number(/:(\d+)\//.exec(site.sluice.rtmpUrl)![1]))
  client.connect()
  client.command('createStream', 2, null)
  client.command('play', 3, null, name, -2000)
  await client.status('NetStream.Play.Start')
  return client
}

test('HTTP-FLV ends for who shows no token, and goes on for who does', async () => {
  const token = await ownersToken()
  const [guest, owner] = await Promise.all([ask('/flv/ada.flv'), ask(`/flv/ada.flv?token=${token}`)])
  const [guests, owners] = [new Watching(guest), new Watching(owner)]
  await Promise.all([guests.goesOn(), owners.goesOn()])
  await site.setVisibility('private')
  await soon(guests.ended)
  await owners.goesOn()
  expect((await ask('/flv/ada.flv')).status).toBe(401)
})

test('an RTMP player without a token is told so and closed, and one with it plays on', async () => {
  const token = await ownersToken()
  const [guest, owner] = [await play('ada'), await play(`ada?token=${token}`)]
  await site.setVisibility('private')
  await soon(guest.ended)
  expect(guest.statuses.at(-1)).toMatchObject({ code: 'NetStream.Play.Failed', level: 'error' })
  const heard = owner.heard.length
  await waitFor(() => owner.heard.length > heard + 20, { message: 'the owner’s player to hear more' })
  owner.close()
})

test('a WebRTC session is over for who shows no token, and lives for who does', async () => {
  const token = await ownersToken()
  const begin = async (query = '') =>
    (await ask(`/whep/ada${query}`, { method: 'POST' })).headers.get('location')!
  const [guest, owner] = [await begin(), await begin(`?token=${token}`)]
  expect((await ask(guest)).status).toBe(204)
  await site.setVisibility('private')
  expect((await ask(guest)).status).toBe(404)
  expect((await ask(guest, { method: 'DELETE' })).status).toBe(404)
  expect((await ask(owner)).status).toBe(401)
  expect((await ask(`${owner}?token=${token}`)).status).toBe(204)
})

test('what was asked for while everybody might is not answered when they may no longer', async () => {
  const multivariant = await (await ask('/hls/ada/index.m3u8')).text()
  const source = `/hls/ada/${
    multivariant
      .split('\n')
      .find(line => line.includes('/source/'))!
      .split('?')[0]
  }`
  const playlist = await (await ask(source)).text()
  const sequence = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(playlist)![1])
  const listed = playlist.match(/#EXTINF/g)!.length
  // Held until the segment after the next is complete.
  const held = ask(`${source}?_HLS_msn=${sequence + listed + 1}`)
  // It has arrived before this one, which is answered.
  expect((await ask(source)).status).toBe(200)
  await site.setVisibility('private')
  expect((await held).status).toBe(401)
})

test('unlisted, nobody is let in without a token that everybody is given', async () => {
  const [guest, session] = [await ask('/flv/ada.flv'), (await ask('/whep/ada', { method: 'POST' })).headers]
  const watched = new Watching(guest)
  await site.setVisibility('unlisted')
  await soon(watched.ended)
  expect((await ask(session.get('location')!)).status).toBe(404)
  expect((await ask('/hls/ada/index.m3u8')).status).toBe(401)
  const { hlsUrl, whepUrl, flvUrl, rtmpUrl, thumbnailUrl, dashUrl } =
    await site.sluice.client.playback.sources.query({ slug: 'ada' })
  for (const path of [hlsUrl!, dashUrl!, thumbnailUrl!]) expect((await ask(path)).status).toBe(200)
  expect((await ask(flvUrl!, { method: 'HEAD' })).status).toBe(200)
  expect((await ask(whepUrl!, { method: 'POST' })).status).toBe(201)
  const player = await play(rtmpUrl!.slice(rtmpUrl!.lastIndexOf('/') + 1))
  player.close()
})

test('a link that is revoked ends for those who came by it, over connections that last too', async () => {
  const { client, id: channelId } = site.channel
  await site.setVisibility('private')
  const share = await client.playback.share.mutate({ channelId, name: 'for the press', days: 1 })
  expect(share.url).toBe(`${site.sluice.url}/ada?token=${share.token}`)
  const { flvUrl, hlsUrl, whepUrl } = await site.sluice.client.playback.sources.query({
    ...{ slug: 'ada', token: share.token },
  })
  const watched = new Watching(await ask(flvUrl!))
  const session = (await ask(whepUrl!, { method: 'POST' })).headers.get('location')!
  expect((await ask(hlsUrl!)).status).toBe(200)
  await client.playback.revokeShare.mutate({ id: share.id })
  await soon(watched.ended)
  expect((await ask(hlsUrl!)).status).toBe(403)
  expect((await ask(session)).status).toBe(404)
  const again = site.sluice.client.playback.sources.query({ slug: 'ada', token: share.token })
  await expect(again).rejects.toMatchObject({ data: { reason: 'playback_token_invalid' } })
})
