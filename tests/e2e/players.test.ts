/** What legacy players see: real ones, over HTTP-FLV and RTMP. */
import { describe, expect, test } from 'bun:test'
import { publish } from '../support/publisher.ts'
import { type Sluice, startSluice, type TestChannel } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive, viewersOf } from './going-live.ts'

const urlsOf = (sluice: Sluice, { slug }: TestChannel) => [
  `${sluice.url}/flv/${slug}.flv`,
  `${sluice.rtmpUrl}/${slug}`,
]

describe('over HTTP-FLV and RTMP', () => {
  test('ffprobe, a strict ffmpeg and mpv play a channel, and are counted, and end with it; its key plays nothing', async () => {
    await using sluice = await startSluice()
    const channel = await sluice.createChannel('alice')
    // A key frame only each four seconds: who comes does not wait for it.
    await using publisher = await publish(channel.publishUrl, { size: '640x360', bFrames: 2, gop: 120 })
    await goneLive(channel)
    const urls = urlsOf(sluice, channel)

    for (const url of urls) {
      const probe = await run('ffprobe', ['-v', 'error', '-of', 'json', '-show_streams', url])
      expect(probe).toMatchObject({ status: 0, stderr: '' })
      const { streams } = JSON.parse(probe.stdout) as { streams: Record<string, unknown>[] }
      expect(streams).toContainEqual(
        expect.objectContaining({ codec_name: 'h264', width: 640, height: 360, has_b_frames: 2 }),
      )
      expect(streams).toContainEqual(expect.objectContaining({ codec_name: 'aac', sample_rate: '48000' }))
    }

    const decoding = Promise.all(urls.map(url => decode(url, 6)))
    const headless = ['--no-config', '--vo=null', '--ao=null', '--msg-level=all=warn', '--end=5']
    const playing = Promise.all(urls.map(url => run('mpv', [...headless, url])))
    await waitFor(async () => (await viewersOf(sluice, 'alice')) === 4, { message: 'four viewers' })
    for (const { timestamps, ...result } of await decoding) {
      expect(result).toEqual({ status: 0, stderr: '' })
      expect(timestamps.length).toBeGreaterThan(170)
      expectIncreasing(timestamps)
    }
    for (const result of await playing) expect(result.status).toBe(0)
    await waitFor(async () => (await viewersOf(sluice, 'alice')) === 0, { message: 'nobody to watch' })

    const lasting = Promise.all(urls.map(url => decode(url, 60)))
    await waitFor(async () => (await viewersOf(sluice, 'alice')) === 2, { message: 'two viewers' })
    for (const url of urlsOf(sluice, { ...channel, slug: channel.streamKey }))
      expect((await run('ffprobe', ['-v', 'error', url])).status).not.toBe(0)
    await publisher.stop()
    for (const { status, timestamps } of await lasting) {
      expect(status).toBe(0)
      expect(timestamps).not.toHaveLength(0)
    }
    expect(sluice.log).not.toContain(channel.streamKey)
  }, 180_000)

  test('players stay through a crash of the encoder, and go on with the next one in another size', async () => {
    await using sluice = await startSluice()
    const channel = await sluice.createChannel('alice')
    await using first = await publish(channel.publishUrl, { size: '640x360' })
    await goneLive(channel)
    const decoding = Promise.all(urlsOf(sluice, channel).map(url => decode(url, 12)))
    await waitFor(async () => (await viewersOf(sluice, 'alice')) === 2, { message: 'two viewers' })
    first.kill('SIGKILL')
    await first.exited
    await using _second = await publish(channel.publishUrl, { size: '320x180' })
    for (const { timestamps, ...result } of await decoding) {
      expect(result).toEqual({ status: 0, stderr: '' })
      // Twelve seconds but for the gap.
      expect(timestamps.length).toBeGreaterThan(150)
      expectIncreasing(timestamps)
    }
  }, 180_000)
})

/** Decodes `seconds` of picture and sound; any error ends it. `timestamps`: the pictures', as they came out. */
async function decode(url: string, seconds: number) {
  // In milliseconds, as FLV has them: by the frame rate, two pictures around a return may be rounded to one.
  const times = ['-fps_mode', 'passthrough', '-enc_time_base', '1:1000']
  const pictures = ['-map', '0:v', ...times, '-f', 'framecrc', 'pipe:1']
  const limit = ['-t', String(seconds)]
  const args = ['-v', 'error', '-nostdin', '-xerror', '-i', url, ...limit, ...pictures]
  const { status, stdout, stderr } = await run('ffmpeg', [
    ...args,
    '-map',
    '0:a',
    ...limit,
    '-f',
    'null',
    '-',
  ])
  const lines = stdout.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return { status, stderr, timestamps: lines.map(line => Number(line.split(',')[2])) }
}

function expectIncreasing(values: readonly number[]): void {
  for (let index = 1; index < values.length; index++)
    expect(values[index]!).toBeGreaterThan(values[index - 1]!)
}

async function run(program: string, args: readonly string[]) {
  const child = Bun.spawn([program, ...args], { stdout: 'pipe', stderr: 'pipe', timeout: 60_000 })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { status: await child.exited, stdout, stderr }
}
