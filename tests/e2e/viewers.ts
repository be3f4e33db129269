/** Two viewers of one channel, by plain WHEP and by hls.js, who should notice no more of its publishers than a moment. */
import { expect } from 'bun:test'
import type { Browser, ObservedPage } from '../support/browser.ts'
import { longestGap, type Picture, pictureAfter, recordPictures } from '../support/pictures-shown.ts'
import type { TestChannel } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive, watchByHls, watchByWhep } from './going-live.ts'

/** From a publisher's first key frame, or from a fault, to a picture. */
export const MAX_RECOVERY_MS = 1_500

/** `await using viewers = await Viewers.open(browser, channel)`: both play, and every picture of theirs is noted. */
export class Viewers implements AsyncDisposable {
  readonly whep: ObservedPage
  readonly hls: ObservedPage
  readonly #channel: TestChannel
  readonly #streamId: string

  private constructor(
    channel: TestChannel,
    streamId: string,
    pages: { whep: ObservedPage; hls: ObservedPage },
  ) {
    this.#channel = channel
    this.#streamId = streamId
    this.whep = pages.whep
    this.hls = pages.hls
  }

  /** `rung`: what both pin; they get the source otherwise. */
  static async open(browser: Browser, channel: TestChannel, rung?: Rung): Promise<Viewers> {
    const { id } = await goneLive(channel)
    const [whep, hls] = [await watchByWhep(browser, channel), await watchByHls(browser, channel)]
    await Promise.all([whep.playing({ frames: 30 }), hls.playing({ frames: 60 })])
    await Promise.all([recordPictures(whep), recordPictures(hls)])
    const viewers = new Viewers(channel, id, { whep, hls })
    if (rung) await viewers.pin(rung)
    return viewers
  }

  /** Both ask for this picture and no other; resolves when they show it. */
  async pin({ name, width, height }: Rung): Promise<void> {
    const now = Date.now()
    await this.whep.page.evaluate(layer => window.player.pinWhepLayer(layer), name)
    await this.hls.page.evaluate(wanted => window.player.pinHlsHeight(wanted), height)
    await Promise.all([this.whepRecovery(now, width), this.hlsPicture(now, width)])
  }

  /** How long after `at` (milliseconds since the epoch) the WebRTC viewer had a picture, of this width where one is named. */
  async whepRecovery(at: number, width?: number): Promise<number> {
    return (await pictureAfter(this.whep, at, width)).at - at
  }

  /** Resolves with the first picture after `at` that the HLS viewer shows. */
  hlsPicture(at: number, width?: number): Promise<Picture> {
    return pictureAfter(this.hls, at, width)
  }

  /** Between two pictures, in milliseconds, of what both have shown; `since`, `until`: milliseconds since the epoch. */
  async longestGaps(since?: number, until?: number): Promise<{ whep: number; hls: number }> {
    const gapOf = (page: ObservedPage) => longestGap(page, since, until)
    const [whep, hls] = await Promise.all([gapOf(this.whep), gapOf(this.hls)])
    return { whep, hls }
  }

  /**
   * Both hold on to what they began with, the stream is the one they came to, and the playlist has had so many publishers
   * after the first.
   */
  async expectUnbroken(discontinuities: number): Promise<void> {
    for (const { page } of [this.whep, this.hls])
      expect(await page.evaluate(() => window.pictures!.isSameElement())).toBe(true)
    const connections = await this.whep.page.evaluate(() =>
      window.observer.connections.map(each => each.connectionState),
    )
    expect(connections).toEqual(['connected'])
    expect(await this.whep.audioEnergy()).toBeGreaterThan(0.001)
    const { errors } = (await this.hls.page.evaluate(() => window.player.hlsState()))!
    expect(errors.filter(error => error.startsWith('fatal'))).toEqual([])
    const { items } = await this.#channel.client.streams.live.query({})
    expect(items.map(({ id, status }) => ({ id, status }))).toEqual([{ id: this.#streamId, status: 'live' }])
    const playlist = await mediaPlaylist(this.#channel)
    expect(playlist.match(/#EXT-X-DISCONTINUITY\n/g) ?? []).toHaveLength(discontinuities)
    expect(playlist).not.toContain('#EXT-X-ENDLIST')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.whep.close(), this.hls.close()])
  }
}

/** One quality to pin: `480p`, `source`. */
export interface Rung {
  readonly name: string
  readonly width: number
  readonly height: number
}

/** Resolves when the channel's stream is listed with this status. */
export async function inStatus(channel: TestChannel, status: string): Promise<void> {
  await waitFor(async () => (await goneLive(channel)).status === status, {
    message: status,
    timeoutMs: 20_000,
  })
}

/** The source's media playlist, as a player finds it. */
export async function mediaPlaylist(channel: TestChannel): Promise<string> {
  const multivariant = await (await fetch(channel.hlsUrl)).text()
  const path = multivariant.split('\n').find(line => line !== '' && !line.startsWith('#'))!
  return (await fetch(new URL(path, channel.hlsUrl))).text()
}
