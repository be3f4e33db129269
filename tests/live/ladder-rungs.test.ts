/** Which renditions a source gets: smaller ones only, in its shape, and only as far as the CPU goes. */
import { expect, test } from 'bun:test'
import type { VideoTrack } from '../../media/access-unit.ts'
import { Broadcast } from '../../src/live/broadcast.ts'
import { ladderNames, rungsFor } from '../../src/live/ladder-rungs.ts'
import { Ladders } from '../../src/live/ladders.ts'
import { createLog } from '../../src/log.ts'
import { video } from './tracks.ts'

const log = createLog('silent')

function source(width: number, height: number, frameRate = 30): VideoTrack {
  return { ...video, width, height, frameRate }
}

const cases: { name: string; track: VideoTrack; names: string[]; sizes: string[] }[] = [
  {
    name: '1080p, 16:9',
    track: source(1920, 1080),
    names: ['720p', '480p', '240p'],
    sizes: ['720p 1280x720', '480p 854x480', '240p 426x240'],
  },
  {
    name: 'never its own height, never larger',
    track: source(1280, 720),
    names: ['1080p', '720p', '480p'],
    sizes: ['480p 854x480'],
  },
  {
    name: 'hardly smaller is not worth it',
    track: source(960, 540),
    names: ['480p', '360p'],
    sizes: ['360p 640x360'],
  },
  { name: '4:3', track: source(1024, 768), names: ['480p'], sizes: ['480p 640x480'] },
  { name: 'upright', track: source(1080, 1920), names: ['720p'], sizes: ['720p 720x1280'] },
  { name: 'odd sizes come out even', track: source(1366, 768), names: ['361p'], sizes: ['361p 642x362'] },
  { name: 'too small for any', track: source(320, 180), names: ['720p', '360p'], sizes: [] },
]

for (const { name, track, names, sizes } of cases)
  test(name, () => {
    const rungs = rungsFor(track, names)
    expect(rungs.map(rung => `${rung.name} ${rung.width}x${rung.height}`)).toEqual(sizes)
  })

test('the bitrate follows pixels and frames', () => {
  const rate = (track: VideoTrack, name: string) => rungsFor(track, [name])[0]!.bitrateBps
  const at30 = rate(source(1920, 1080), '720p')
  expect(at30).toBe(2_600_000)
  expect(rate(source(1920, 1080, 60), '720p')).toBeGreaterThan(at30 * 1.3)
  expect(rate(source(1920, 1080), '360p')).toBeLessThan(at30 / 2.5)
})

test('the names are known before any source is', () => {
  expect(ladderNames('off')).toEqual([])
  expect(ladderNames(['720p', '240p'])).toEqual(['720p', '240p'])
  expect(ladderNames('auto')).toContain('360p')
})

function opened(ladders: Ladders, track: VideoTrack) {
  const broadcast = new Broadcast({ tracks: { video: track }, log })
  const ladder = ladders.open(broadcast)
  return { broadcast, ladder, names: broadcast.rungs.map(({ name }) => name) }
}

test('auto on two cores: the first stream gets a small ladder, later ones none and are told, until one ends', async () => {
  const ladders = new Ladders({ ladder: 'auto', cores: 2, log })
  for (const track of [source(1280, 720), source(1920, 1080)]) {
    const { ladder, names } = opened(ladders, track)
    expect(names).toEqual(['480p', '360p'])
    await ladder!.close()
  }
  const streams = Array.from({ length: 10 }, () => opened(ladders, source(1280, 720)))
  expect(streams[0]!.names).toEqual(['480p', '360p'])
  expect(streams[1]!.names).toEqual(['360p'])
  const { broadcast, ladder } = streams[9]!
  expect(ladder).toBeUndefined()
  expect(broadcast.health().notices.map(({ code }) => code)).toContain('ladder_left_out')
  const { usedPixelsPerSecond, budgetPixelsPerSecond, rungs } = ladders.statistics
  expect(usedPixelsPerSecond).toBeLessThanOrEqual(budgetPixelsPerSecond)
  expect(rungs).toBe(3)
  // Free at once, so that a publisher who returns gets what it had, and once only.
  void streams[0]!.ladder!.close()
  void streams[0]!.ladder!.close()
  expect(opened(ladders, source(1280, 720)).names).toEqual(['480p', '360p'])
  expect(opened(ladders, source(1280, 720)).names).toEqual([])
})

test('auto on many cores: the whole ladder', () => {
  const ladders = new Ladders({ ladder: 'auto', cores: 32, log })
  expect(opened(ladders, source(3840, 2160, 60)).names).toEqual(['1080p', '720p', '480p', '360p'])
})

test('a fixed list is made whatever it costs; a source too small for it is no reason for a notice', () => {
  const ladders = new Ladders({ ladder: ['1080p', '720p', '480p'], cores: 1, log })
  for (let index = 0; index < 3; index++)
    expect(opened(ladders, source(3840, 2160)).names).toEqual(['1080p', '720p', '480p'])
  const { broadcast, ladder } = opened(ladders, source(640, 360))
  expect(ladder).toBeUndefined()
  expect(broadcast.health().notices.map(({ code }) => code)).not.toContain('ladder_left_out')
})
