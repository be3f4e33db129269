/** A stream's chat beside its VOD: what was said is where the picture of that moment is, drop or not. */
import { expect, test } from 'bun:test'
import { ageOf, type Stamp } from '../support/barcode.ts'
import { openBrowser } from '../support/browser.ts'
import { type Publisher, publish } from '../support/publisher.ts'
import { startSluice, type TestChannel } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive } from './going-live.ts'
import { inStatus } from './viewers.ts'
import { newestVod, readStamps } from './vod-watching.ts'

const FPS = 30
/** Between a picture's capture and its arrival lie the encoder and the network. */
const NEAR_MS = 700

/** Says something every second until the publisher has sent so many pictures. */
async function chatUntil(
  { client, slug }: TestChannel,
  publisher: Publisher,
  pictures: number,
  word: string,
) {
  const said: { text: string; sentAt: number }[] = []
  for (let next = FPS; next <= pictures; next += FPS) {
    await waitFor(() => publisher.source!.timing.frames >= next, { message: 'a second', timeoutMs: 20_000 })
    const answer = await client.chat.send.mutate({ slug, text: `${word} ${said.length}` })
    if (answer.outcome !== 'sent') throw new Error(answer.outcome)
    said.push({ text: answer.text, sentAt: Date.parse(answer.sentAt) })
  }
  return said
}

test('what was said is replayed at its picture, and what was said in a drop at the cut; the page plays it', async () => {
  await using sluice = await startSluice()
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const options = { size: '640x360', fps: FPS, bitrate: '800k', stamped: true }
  const first = await publish(channel.publishUrl, options)
  await goneLive(channel)
  const before = await chatUntil(channel, first, 10 * FPS, 'before')
  first.kill('SIGKILL')
  await first.exited
  await inStatus(channel, 'reconnecting')
  await channel.client.chat.send.mutate({ slug: 'alice', text: 'nothing to see' })
  const second = await publish(channel.publishUrl, options)
  await inStatus(channel, 'live')
  const after = await chatUntil(channel, second, 10 * FPS, 'after')
  await second.stop()
  const vod = await newestVod(channel)

  const stamps = await readStamps(`${sluice.url}/vod/${vod.id}/video.mp4`)
  const { items } = await sluice.client.chat.replay.query({ vodId: vod.id, fromMs: 0, toMs: 600_000 })
  const texts = [...before.map(each => each.text), 'nothing to see', ...after.map(each => each.text)]
  expect(items.map(each => each.text)).toEqual(texts)
  const cutMs = (stamps.findIndex((stamp, n) => stamp!.frame < (stamps[n - 1]?.frame ?? 0)) / FPS) * 1000
  const inDrop = items.find(each => each.text === 'nothing to see')!
  expect(Math.abs(inDrop.offsetMs - cutMs)).toBeLessThan(250)
  const pictureAt = (offsetMs: number): Stamp => stamps[Math.round((offsetMs / 1000) * FPS)]!
  const offs = items
    .filter(each => each !== inDrop && each.offsetMs < vod.durationMs! - 100)
    .map(each => ageOf(pictureAt(each.offsetMs), Date.parse(each.sentAt)))
  expect(offs.length).toBeGreaterThan(15)
  for (const off of offs) expect(Math.abs(off)).toBeLessThan(NEAR_MS)

  await using page = await browser.newPage(`${sluice.url}/v/${vod.id}`)
  const shown = () => page.page.locator('.chat [data-message] .chat-text').allTextContents()
  const seek = (seconds: number) =>
    page.page.evaluate(to => {
      const video = document.querySelector('video')!
      video.pause()
      video.currentTime = to
    }, seconds)
  await page.page.waitForFunction(() => (document.querySelector('video')?.readyState ?? 0) >= 2)
  for (const offsetMs of [cutMs + 3_000, 2_500, cutMs + 200]) {
    await seek(offsetMs / 1000)
    const due = items.filter(each => each.offsetMs <= offsetMs).map(each => each.text)
    const isShown = async () => {
      const now = await shown()
      return Math.abs(now.length - due.length) <= 1 && now.every((text, index) => text === texts[index])
    }
    await waitFor(isShown, { message: `the chat of ${offsetMs} ms`, timeoutMs: 15_000 })
  }
}, 180_000)

test('below a VOD people comment; what its channel’s rules hold back waits for the owner', async () => {
  await using sluice = await startSluice()
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const fan = await sluice.createChannel('bob')
  const publisher = await publish(channel.publishUrl, { size: '320x180', bitrate: '300k', seconds: 6 })
  await goneLive(channel)
  await publisher.exited
  const vod = await newestVod(channel)
  await channel.client.chat.updateSettings.mutate({ slug: 'alice', links: 'hold' })
  await using page = await browser.newPage(`${sluice.url}/v/${vod.id}`)
  const view = page.page
  await view.getByRole('button', { name: 'Sign in to comment' }).click()
  await view.getByRole('dialog').getByLabel('Username').fill(fan.credentials.username)
  await view.getByRole('dialog').getByLabel('Password').fill(fan.credentials.password)
  await view.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click()
  const write = async (text: string) => {
    await view.getByLabel('Comment', { exact: true }).fill(text)
    await view.getByRole('button', { name: 'Comment', exact: true }).click()
    await view.locator('.comment', { hasText: text }).waitFor()
  }
  await write('what a stream')
  await write('more at example.com')
  await view.getByText('Waits for a moderator', { exact: true }).waitFor()
  const seen = async () =>
    (await sluice.client.comments.list.query({ vodId: vod.id })).items.map(each => each.text)
  expect(await seen()).toEqual(['what a stream'])
  const [held] = (await channel.client.comments.held.query({ slug: 'alice' })).items
  await channel.client.comments.review.mutate({ id: held!.comment.id, isApproved: true })
  expect(await seen()).toEqual(['more at example.com', 'what a stream'])
}, 120_000)
