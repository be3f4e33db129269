/** A clip is never more visible than what it was cut from. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { VodVisibility } from '../../src/vod/service.ts'
import { databaseKinds } from '../support/database.ts'
import { ClipSite, reasonOf } from './clip-site.ts'

describe.each([...databaseKinds])('%s', kind => {
  let site: ClipSite
  beforeAll(async () => {
    site = await ClipSite.open(kind)
  }, 30_000)
  afterAll(() => site[Symbol.asyncDispose]())

  test('it is never more visible than what it was cut from', async () => {
    const { channel, owner } = await site.channel()
    const viewer = await site.person()
    for (const visibility of ['public', 'unlisted', 'private'] as const) {
      const clip = await site.cut(
        visibility === 'private' ? owner : viewer,
        await site.video(channel.id, visibility),
      )
      expect((await site.made.vods.get(clip.id)).visibility).toBe(visibility)
      await site.made.vods.fail(clip.id, 'not made here')
    }
    const source = await site.video(channel.id)
    const { id } = await site.cut(viewer, source)
    const seen = async () => (await site.made.vods.get(id)).visibility
    await site.made.vods.update(owner.id, source.id, { visibility: 'unlisted' })
    expect(await seen()).toBe('unlisted')
    const raise = (accountId: string, visibility: VodVisibility) =>
      reasonOf(site.made.vods.update(accountId, id, { visibility }))
    expect(await raise(viewer.id, 'public')).toBe('clip_too_visible')
    expect(await raise(owner.id, 'public')).toBe('clip_too_visible')
    expect(await raise(viewer.id, 'private')).toBe('accepted')
    expect(await raise(viewer.id, 'unlisted')).toBe('accepted')
    await site.made.vods.update(owner.id, source.id, { visibility: 'public' })
    expect(await seen()).toBe('unlisted')
    await site.made.vods.remove(source.id)
    expect(await raise(viewer.id, 'public')).toBe('clip_too_visible')
    expect(await raise(owner.id, 'public')).toBe('accepted')
  })

  test('of a running stream it is no more visible than the channel, nor than the recording that is kept', async () => {
    for (const [channelIs, recordingIs, expected] of [
      ['public', 'public', 'public'],
      ['public', 'private', 'private'],
      ['private', 'public', 'private'],
      ['unlisted', 'off', 'unlisted'],
      ['public', 'off', 'public'],
    ] as const) {
      const { channel, owner } = await site.channel({ visibility: channelIs })
      await site.recording(channel.id, recordingIs)
      const clip = await site.cut(owner, { slug: channel.slug }, 0, 4_000)
      expect((await site.made.vods.get(clip.id)).visibility).toBe(expected)
    }
  })
})
