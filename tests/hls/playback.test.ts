import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Hls } from '../../src/hls/hls.ts'
import { HlsStream } from '../../src/hls/stream.ts'
import { Broadcast } from '../../src/live/broadcast.ts'
import type { Output } from '../../src/live/output.ts'
import type { Encoded } from './encoder.ts'
import { encode } from './encoder.ts'
import { log, mount } from './live-channel.ts'
import { type CheckedPlaylist, checkPlaylist } from './playlist-checker.ts'

const SECONDS = 14

/** A stream fed in real time behind a real server, as one publisher after the other would. */
class RealTimeStream {
  readonly hls = new Hls({ log })
  readonly #app = mount(this.hls).listen({ hostname: '127.0.0.1', port: 0, idleTimeout: 5 })
  #output: Output | undefined
  #broadcast: Broadcast | undefined

  get url(): string {
    return `http://127.0.0.1:${this.#app.server!.port}/hls/chan`
  }

  async open(id: string): Promise<void> {
    this.#output = await this.hls.openOutput({ id, channelId: 'c1', slug: 'chan' })
  }

  /** Resolves when the last unit is written. */
  async publish({ tracks, units }: Encoded): Promise<void> {
    const broadcast = new Broadcast({ tracks, log })
    this.#broadcast = broadcast
    broadcast.addSink(this.#output!.attach(broadcast))
    const start = performance.now()
    for (const unit of units) {
      const due = start + (unit.dts / unit.track.timescale) * 1000 - performance.now()
      if (due > 0) await Bun.sleep(due)
      broadcast.write(unit)
    }
    await broadcast.close()
  }

  async end(): Promise<void> {
    await this.#broadcast?.close()
    await this.#output?.close()
  }

  async close(): Promise<void> {
    await this.hls.close()
    await this.#app.stop(true)
  }
}

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
  })
  afterAll(() => stream.close())

  test('ffmpeg decodes it strictly to the end, ffprobe reads it, a low-latency player gets each part once', async () => {
    const index = `${stream.url}/index.m3u8`
    const args = ['-v', 'warning', '-nostdin', '-xerror', '-live_start_index', '0', '-i', index]
    const [decoded, probed, parts] = await Promise.all([
      run(['ffmpeg', ...args, '-map', '0', '-f', 'null', '-stats', '-progress', 'pipe:1', '-']),
      run(['ffprobe', '-v', 'error', '-show_streams', '-of', 'json', index]),
      playLowLatency(index),
      published,
    ])
    expect(decoded.code, decoded.stderr).toBe(0)
    expect(decoded.stderr).not.toMatch(/error|non.monoton|corrupt|invalid|missing/i)
    expect(Number(/.*frame=\s*(\d+)/s.exec(decoded.stdout)![1])).toBe(SECONDS * 30)
    const [picture, sound] = JSON.parse(probed.stdout).streams
    expect(picture).toMatchObject({ codec_name: 'h264', width: 160, height: 90, has_b_frames: 2 })
    expect(sound).toMatchObject({ codec_name: 'aac', sample_rate: '48000' })
    expect(parts.isGapless).toBe(true)
    expect(parts.count).toBeGreaterThan(35)
  }, 60_000)
})

/** Blocks for the playlist with the next part and fetches each hinted part before it exists, until ENDLIST. */
async function playLowLatency(index: string): Promise<{ count: number; isGapless: boolean }> {
  const master = await (await fetch(index)).text()
  const uri = new URL(master.trim().split('\n').at(-1)!, index)
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
    const held = () => (output instanceof HlsStream ? output.renditions[0].heldRequests : Number.NaN)
    while (held() === 0) await Bun.sleep(5)
    leaving.abort()
    expect(await request).toBe('AbortError')
    while (held() > 0) await Bun.sleep(5)
  } finally {
    await stream.close()
  }
})
