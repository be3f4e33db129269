/** Enhanced RTMP: codecs and sounds that legacy RTMP does not carry, from the encoder to the players. */
import { expect, test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import { publishEnhanced } from '../support/enhanced-publisher.ts'
import { descendants } from '../support/process-tree.ts'
import { startSluice } from '../support/sluice.ts'
import { goneLive, watchByHls, watchByWhep } from './going-live.ts'

const SIZE = { width: 640, height: 360 }
const LIMIT_MS = 90_000

test(
  'HEVC with three sounds in Opus: HLS untouched with every sound to choose, WebRTC in every browser',
  async () => {
    await using sluice = await startSluice({ env: { LADDER: 'off' } })
    await using browser = await openBrowser()
    const channel = await sluice.createChannel('alice')
    await using _publisher = await publishEnhanced(channel.publishUrl, {
      video: 'hevc',
      audio: 'opus',
      alternateAudio: [
        { language: 'de', frequency: 660 },
        { language: 'fr', frequency: 880 },
      ],
    })
    await goneLive(channel)

    await using whep = await watchByWhep(browser, channel)
    expect(await whep.playing({ frames: 30 })).toMatchObject(SIZE)
    expect(await whep.motion()).toBeGreaterThan(1)
    expect(await whep.audioEnergy(1_000)).toBeGreaterThan(0.001)
    await whep.close()

    const playlist = await (await fetch(channel.hlsUrl)).text()
    expect(playlist).toMatch(/CODECS="hvc1\.1\.6\.L\d+\.90,mp4a\.40\.2"/)
    expect(await probe(channel.hlsUrl)).toContain('hevc,640,360')
    const sounds = soundsOf(playlist, channel.hlsUrl)
    expect([...sounds.keys()].sort()).toEqual(['de', 'fr'])
    const heard = await Promise.all([channel.hlsUrl, sounds.get('de')!, sounds.get('fr')!].map(pitch))
    expect(heard.map(hertz => Math.round(hertz / 10) * 10)).toEqual([440, 660, 880])
  },
  LIMIT_MS,
)

test(
  'AV1 with Opus: the picture untouched in HLS, the sound untouched in WebRTC, both in every browser',
  async () => {
    await using sluice = await startSluice({ env: { LADDER: 'off' } })
    await using browser = await openBrowser()
    const channel = await sluice.createChannel('alice')
    await using _publisher = await publishEnhanced(channel.publishUrl, { video: 'av1', audio: 'opus' })
    await goneLive(channel)
    expect(await (await fetch(channel.hlsUrl)).text()).toMatch(/CODECS="av01\.0\.\d\dM\.08,mp4a\.40\.2"/)
    expect(await probe(channel.hlsUrl)).toContain('av1,640,360')
    for (const watch of [watchByHls, watchByWhep]) {
      await using page = await watch(browser, channel)
      expect(await page.playing({ frames: 30 })).toMatchObject(SIZE)
      expect(await page.motion()).toBeGreaterThan(1)
      expect(await page.audioEnergy(1_000)).toBeGreaterThan(0.001)
    }
    const encoders = descendants(sluice.pid).map(each => each.command)
    expect(encoders.filter(command => command.includes('libx264'))).toHaveLength(1)
    expect(encoders.filter(command => command.includes('libopus'))).toHaveLength(0)
    const thumbnail = await fetch(new URL('/thumbnails/alice.jpg', channel.hlsUrl))
    expect(thumbnail.status).toBe(200)
  },
  LIMIT_MS,
)

/** The address of each sound's own playlist by its language. */
function soundsOf(playlist: string, url: string): Map<string, string> {
  const sounds = new Map<string, string>()
  for (const line of playlist.split('\n').filter(each => each.startsWith('#EXT-X-MEDIA:TYPE=AUDIO'))) {
    const language = /LANGUAGE="([^"]+)"/.exec(line)?.[1]
    const uri = /URI="([^"]+)"/.exec(line)?.[1]
    if (language && uri) sounds.set(language, new URL(uri, url).href)
  }
  return sounds
}

async function probe(url: string): Promise<string> {
  const shown = ['-show_entries', 'stream=codec_name,width,height', '-of', 'csv=p=0']
  return output(['ffprobe', '-v', 'error', ...shown, url]).then(String)
}

/** The pitch of a tone in Hz, by the usual time between two zero crossings; silence in between does not count. */
async function pitch(url: string): Promise<number> {
  const decode = ['-map', '0:a:0', '-t', '2', '-ac', '1', '-ar', '48000', '-f', 's16le', 'pipe:1']
  const pcm = await output(['ffmpeg', '-nostdin', '-v', 'error', '-i', url, ...decode])
  const periods: number[] = []
  let last = 0
  for (let at = 1; at < pcm.byteLength / 2; at++) {
    if (pcm.readInt16LE(2 * at - 2) >= 0 || pcm.readInt16LE(2 * at) < 0) continue
    periods.push(at - last)
    last = at
  }
  const usual = periods.sort((a, b) => a - b)[periods.length >> 1] ?? 0
  const near = periods.filter(period => Math.abs(period - usual) <= 1)
  return (48_000 * near.length) / near.reduce((sum, period) => sum + period, 0)
}

async function output(command: readonly string[]): Promise<Buffer> {
  const child = Bun.spawn([...command], { stdout: 'pipe', stderr: 'inherit', timeout: 30_000 })
  return Buffer.from(await new Response(child.stdout).arrayBuffer())
}
