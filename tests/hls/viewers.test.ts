import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { type Encoded, encode } from './encoder.ts'
import { LiveChannel } from './live-channel.ts'

const PLAYLIST = 's1/source/playlist.m3u8'

let media: Encoded
beforeAll(async () => {
  media = await encode({ seconds: 70, size: '64x36' })
}, 60_000)

let channel: LiveChannel
afterEach(async () => {
  await channel.hls.close()
})

describe('viewers', () => {
  const viewer = async () => /\?(viewer=[\w-]+)/.exec(await channel.text('index.m3u8'))![1]!

  test('each player that asks for playlists counts once, until 10 s after its last request', async () => {
    channel = new LiveChannel()
    const output = await channel.open('s1')
    await channel.attach(media)
    channel.feed(5)
    const [first, second] = [await viewer(), await viewer()]
    expect(first).not.toBe(second)
    expect(output.viewerCount).toBe(0)
    for (let count = 0; count < 3; count++) await channel.text(`${PLAYLIST}?${first}`)
    await channel.text(`${PLAYLIST}?${second}`)
    expect(output.viewerCount).toBe(2)
    channel.now += 9_000
    await channel.text(`${PLAYLIST}?${first}`)
    channel.now += 2_000
    expect(output.viewerCount).toBe(1)
    channel.now += 10_000
    expect(output.viewerCount).toBe(0)
    // A player that was paused counts again.
    await channel.text(`${PLAYLIST}?${second}`)
    expect(output.viewerCount).toBe(1)
  })

  test('players of one browser are one person, and a player without a browser’s key is another', async () => {
    channel = new LiveChannel()
    const output = await channel.open('s1')
    await channel.attach(media)
    channel.feed(5)
    const cookie = `sluice_viewer=${'k'.repeat(22)}`
    for (let count = 0; count < 2; count++)
      await channel.request(`${PLAYLIST}?${await viewer()}`, { headers: { cookie } })
    await channel.text(`${PLAYLIST}?${await viewer()}`)
    expect(output.viewerCount).toBe(3)
    expect(new Set(output.viewerKeys())).toContain('k'.repeat(22))
    expect(new Set(output.viewerKeys()).size).toBe(2)
  })

  test('made-up ids do not count', async () => {
    channel = new LiveChannel()
    const output = await channel.open('s1')
    await channel.attach(media)
    channel.feed(5)
    const genuine = await viewer()
    const forged = `${genuine.slice(0, -1)}${genuine.endsWith('A') ? 'B' : 'A'}`
    for (const query of ['', 'viewer=', 'viewer=x', `viewer=${'A'.repeat(32)}`, forged, 'viewer=%00'])
      expect((await channel.request(`${PLAYLIST}?${query}`)).status).toBe(200)
    expect(output.viewerCount).toBe(0)
  })
})
