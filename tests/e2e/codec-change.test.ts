/** A publisher that returns with another codec: one stream, which its viewers stay in as far as they can decode it. */
import { expect, test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import type { EnhancedOptions } from '../support/enhanced-file.ts'
import { publishEnhanced } from '../support/enhanced-publisher.ts'
import { feedTimes, LOGGED } from '../support/pictures-shown.ts'
import { startSluice } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { inStatus, mediaPlaylist, Viewers } from './viewers.ts'

/** WebRTC gets these pictures out of an encoder, which has to start. */
const MAX_REENCODED_RECOVERY_MS = 5_000

test('from H.264 to AV1 to HEVC: WebRTC goes on, hls.js as long as its browser decodes, HLS for who decodes more', async () => {
  await using sluice = await startSluice({ env: LOGGED })
  await using browser = await openBrowser()
  const channel = await sluice.createChannel('alice')
  const publishAs = async (video: EnhancedOptions['video'], size: string) => {
    const fedBefore = feedTimes(sluice).length
    const publisher = await publishEnhanced(channel.publishUrl, { video, audio: 'aac', size })
    const fedAt = await waitFor(() => feedTimes(sluice)[fedBefore], { message: 'its first key frame' })
    return { publisher, fedAt }
  }
  const h264 = await publishAs('h264', '640x360')
  await using viewers = await Viewers.open(browser, channel)

  h264.publisher.kill()
  await inStatus(channel, 'reconnecting')
  const av1 = await publishAs('av1', '480x270')
  expect(await viewers.whepRecovery(av1.fedAt, 480)).toBeLessThan(MAX_REENCODED_RECOVERY_MS)
  await viewers.hlsPicture(av1.fedAt, 480)
  await viewers.expectUnbroken(1)

  av1.publisher.kill()
  await inStatus(channel, 'reconnecting')
  const hevc = await publishAs('hevc', '320x240')
  await using _publisher = hevc.publisher
  expect(await viewers.whepRecovery(hevc.fedAt, 320)).toBeLessThan(MAX_REENCODED_RECOVERY_MS)
  await inStatus(channel, 'live')
  const playlist = await waitFor(
    async () => {
      const text = await mediaPlaylist(channel)
      const isWhole = /init-2\.mp4[\s\S]*\n\d+\.m4s/.test(text)
      return isWhole ? text : undefined
    },
    { message: 'a whole segment in HEVC' },
  )
  expect(playlist.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(2)
  expect(playlist).not.toContain('#EXT-X-ENDLIST')
  // 4.4.6.2: of everything that is still listed.
  const multivariant = await (await fetch(channel.hlsUrl)).text()
  for (const codec of ['avc1.', 'av01.', 'hvc1.']) expect(multivariant).toContain(codec)
  expect(await newestCodec(channel.hlsUrl)).toBe('hevc,320,240')
}, 120_000)

/** What ffmpeg makes of the stream from its live edge on: codec and size. */
async function newestCodec(url: string): Promise<string> {
  const shown = [
    '-select_streams',
    'v:0',
    '-show_entries',
    'stream=codec_name,width,height',
    '-of',
    'csv=p=0',
  ]
  const child = Bun.spawn(['ffprobe', '-v', 'error', '-live_start_index', '-1', ...shown, url], {
    stdout: 'pipe',
    timeout: 30_000,
  })
  const lines = (await new Response(child.stdout).text()).trim().split('\n')
  return lines[0]!
}
