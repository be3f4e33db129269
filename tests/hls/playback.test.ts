import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { HlsStream } from '../../src/hls/stream.ts'
import type { Encoded } from './encoder.ts'
import { encode } from './encoder.ts'
import { type CheckedPlaylist, checkPlaylist } from './playlist-checker.ts'
import { RealTimeStream } from './real-time-stream.ts'

const SECONDS = 14

async function run(command: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = Bun.spawn([...command], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { code: await child.exited, stdout, stderr }
}

describe('a live stream behind a real server', () => {
  const stream = new RealTimeStream()
  let media: Encoded
  let published: Promise<void>
  beforeAll(async () => {
    media = await encode({ seconds: SECONDS, size: '160x90', video: ['-bf', '2'] })
    await stream.open('s1')
    published = stream.publish(media).then(() => stream.end())
  }, 60_000)
  afterAll(() => stream.close())

  test('ffmpeg decodes it strictly to the end, ffprobe reads it, a low-latency player gets each part once', async () => {
    const index = `${stream.url}/index.m3u8`
    const args = ['-v', 'warning', '-nostdin', '-xerror', '-live_start_index', '0', '-i', index]
    const [decoded, probed, parts] = await Promise.all([
      run(['ffmpeg', ...args, '-map', '0', '-f', 'null', '-stats', '-progress', 'pipe:1', '-']),
      run(['ffprobe', '-v', 'error', '-show_streams', '-of', 'json', index]),
      Promise.all([playLowLatency(index, 'source'), playLowLatency(index, 'audio')]),
      published,
    ])
    expect(decoded.code, decoded.stderr).toBe(0)
    expect(decoded.stderr).not.toMatch(/error|non.monoton|corrupt|invalid|missing/i)
    expect(Number(/.*frame=\s*(\d+)/s.exec(decoded.stdout)![1])).toBe(SECONDS * 30)
    const { streams } = JSON.parse(probed.stdout) as { streams: { codec_type: string }[] }
    const [picture, sound] = ['video', 'audio'].map(type => streams.find(each => each.codec_type === type))
    expect(picture).toMatchObject({ codec_name: 'h264', width: 160, height: 90, has_b_frames: 2 })
    expect(sound).toMatchObject({ codec_name: 'aac', sample_rate: '48000' })
    for (const { count, isGapless } of parts) {
      expect(isGapless).toBe(true)
      expect(count).toBeGreaterThan(40)
    }
  }, 60_000)
})

/** Blocks for the playlist with the next part and fetches each hinted part before it exists, until ENDLIST. */
async function playLowLatency(
  index: string,
  rendition: string,
): Promise<{ count: number; isGapless: boolean }> {
  const lines = (await (await fetch(index)).text()).split('\n')
  const uri = new URL(lines.find(line => line.includes(`/${rendition}/`) && !line.startsWith('#'))!, index)
  let playlist = checkPlaylist(await (await fetch(uri)).text())
  const partsOf = ({ segments }: CheckedPlaylist) =>
    segments.flatMap(segment => segment.parts.map(part => part.uri))
  const known = new Set(partsOf(playlist))
  const listed = new Set<string>()
  const fetched = new Set<string>()
  while (!playlist.isEnded) {
    const hint = playlist.hint!
    const [sequence, part] = hint.split('.')
    const next = new URL(uri)
    next.searchParams.set('_HLS_msn', sequence!)
    next.searchParams.set('_HLS_part', part!)
    const [reload, media] = await Promise.all([fetch(next), fetch(new URL(hint, uri))])
    expect(reload.status).toBe(200)
    playlist = checkPlaylist(await reload.text())
    for (const uri of partsOf(playlist)) if (!known.has(uri)) listed.add(uri)
    if (media.ok) fetched.add(hint)
    await media.arrayBuffer()
  }
  expect(playlist.segments.every(segment => segment.parts.length === 0)).toBe(true)
  return { count: fetched.size, isGapless: [...listed].every(part => fetched.has(part)) }
}

test('a client that leaves is let go of at once', async () => {
  const stream = new RealTimeStream()
  const output = await stream.hls.openOutput({ id: 's1', channelId: 'c1', slug: 'chan' })
  try {
    const leaving = new AbortController()
    const request = fetch(`${stream.url}/index.m3u8`, { signal: leaving.signal }).catch(error => error.name)
    const held = () => (output instanceof HlsStream ? output.source.heldRequests : Number.NaN)
    while (held() === 0) await Bun.sleep(5)
    leaving.abort()
    expect(await request).toBe('AbortError')
    while (held() > 0) await Bun.sleep(5)
  } finally {
    await stream.close()
  }
})
