import { expect, test } from 'bun:test'
import type { Tracks } from '../../media/access-unit.ts'
import { type EnhancedPublishOptions, publishEnhanced } from '../support/enhanced-publisher.ts'
import { expectIncreasing, open, TEST_LIMIT_MS } from './rtmp-fixture.ts'

async function publish(options: EnhancedPublishOptions) {
  const fixture = await open()
  const opened = fixture.live.next()
  const url = `rtmp://127.0.0.1:${fixture.server.port}/live/key`
  const publisher = await publishEnhanced(url, { size: '320x180', ...options })
  return {
    publisher,
    stream: await opened,
    [Symbol.asyncDispose]: async () => {
      await publisher.stop()
      await fixture.server.close()
    },
  }
}

function codecsOf({ video, audio, alternateAudio = [] }: Tracks): string[] {
  return [video, ...(audio ? [audio] : []), ...alternateAudio].map(track => track.codec)
}

test(
  'HEVC, Opus and two more sounds become one broadcast, in real time, until the publisher stops',
  async () => {
    const alternateAudio = [
      { language: 'de', frequency: 660 },
      { language: 'pt-BR', frequency: 880 },
    ]
    await using fixture = await publish({ video: 'hevc', audio: 'opus', alternateAudio, seconds: 1.5 })
    const { stream, publisher } = fixture
    const startedAt = performance.now()
    expect(await stream.left).toBeUndefined()
    expect(performance.now() - startedAt).toBeGreaterThan(1_000)
    expect(stream.hasLeftOrderly).toBe(true)
    await publisher.ended
    expect(stream.broadcasts).toHaveLength(1)
    const { tracks, units } = stream.broadcasts[0]!
    expect(codecsOf(tracks)).toEqual(['hevc', 'opus', 'opus', 'opus'])
    expect(tracks.video).toMatchObject({ width: 320, height: 180, frameRate: 30 })
    expect(tracks.alternateAudio).toMatchObject([
      { trackId: 1, language: 'de' },
      { trackId: 2, language: 'pt-BR' },
    ])
    for (const track of [tracks.audio!, ...tracks.alternateAudio!]) {
      const times = units.filter(unit => unit.track === track).map(unit => unit.pts)
      expect(times.length).toBeGreaterThan(65)
      expect(new Set(times.slice(1).map((pts, index) => pts - times[index]!))).toEqual(new Set([960]))
    }
    const pictures = units.filter(unit => unit.track === tracks.video)
    expectIncreasing(pictures)
    expect(pictures.filter(unit => unit.isKey)).toHaveLength(2)
  },
  TEST_LIMIT_MS,
)

test.each([
  ['av1', 'aac'],
  ['h264', 'opus'],
  ['av1', undefined],
] as const)(
  '%s with %s is carried',
  async (video, audio) => {
    await using fixture = await publish({ video, audio })
    await fixture.stream.received(40)
    expect(codecsOf(fixture.stream.broadcasts[0]!.tracks)).toEqual(audio ? [video, audio] : [video])
  },
  TEST_LIMIT_MS,
)

test(
  'a publisher whose connection is reset has not said goodbye',
  async () => {
    await using fixture = await publish({ video: 'av1', audio: 'opus' })
    await fixture.stream.received(5)
    fixture.publisher.kill()
    await fixture.stream.left
    expect(fixture.stream.hasLeftOrderly).toBe(false)
    await fixture.publisher.ended
  },
  TEST_LIMIT_MS,
)
