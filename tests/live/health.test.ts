import { expect, test } from 'bun:test'
import { HealthMeter } from '../../src/live/health.ts'
import { audio, audioUnit, video, videoUnit } from './tracks.ts'

const START = 1_700_000_000_000

/** `seconds` of 25 frames a second, 5,000 bytes each, a key frame every `gopMs`, and 50 sounds a second. */
function feed(
  meter: HealthMeter,
  options: { from?: number; seconds: number; gopMs?: number; hasAudio?: boolean; hasVideo?: boolean },
): void {
  const { from = 0, seconds, gopMs = 1_000, hasAudio = true, hasVideo = true } = options
  for (let ms = from; ms < from + seconds * 1000; ms += 20) {
    const isKey = (ms - from) % gopMs === 0
    if (hasVideo && ms % 40 === 0) meter.observe(videoUnit(ms, { isKey, bytes: 4_996 }), START + ms)
    if (hasAudio) meter.observe(audioUnit(ms, 320), START + ms)
  }
}

function codes(meter: HealthMeter, ms: number): string[] {
  return meter.health(START + ms).notices.map(notice => notice.code)
}

test('bit rates, frame rate and key interval are those of the last seconds', () => {
  const meter = new HealthMeter({ video, audio })
  feed(meter, { seconds: 20 })
  const health = meter.health(START + 20_000)
  expect(health).toMatchObject({
    videoCodec: 'avc1.42c01f',
    width: 1280,
    height: 720,
    audioCodec: 'mp4a.40.2',
    audioSampleRate: 48_000,
    audioChannels: 2,
    keyFrameIntervalMs: 1_000,
    hasBFrames: false,
    notices: [],
  })
  expect(health.frameRate).toBeCloseTo(25, 0)
  expect(health.videoBitrateBps / 1e6).toBeCloseTo(1, 1)
  expect(health.audioBitrateBps / 1e3).toBeCloseTo(128, -1)
})

test('what came before the last five seconds no longer counts', () => {
  const meter = new HealthMeter({ video, audio })
  feed(meter, { seconds: 10 })
  feed(meter, { from: 10_000, seconds: 10, hasVideo: false })
  expect(meter.health(START + 20_000)).toMatchObject({ videoBitrateBps: 0, frameRate: 0 })
  expect(codes(meter, 20_000)).toEqual(['video_stalled'])
  feed(meter, { from: 20_000, seconds: 2 })
  expect(codes(meter, 22_000)).toEqual([])
})

test('a stream just begun is measured over the time that it has run', () => {
  const meter = new HealthMeter({ video, audio })
  feed(meter, { seconds: 2 })
  expect(meter.health(START + 2_000).frameRate).toBeCloseTo(25, 0)
})

test('B-frames are told by presentation that goes back', () => {
  const meter = new HealthMeter({ video, audio })
  meter.observe(videoUnit(0, { isKey: true, ptsMs: 80 }), START)
  meter.observe(videoUnit(40, { ptsMs: 200 }), START + 40)
  expect(meter.health(START + 50).hasBFrames).toBe(false)
  meter.observe(videoUnit(80, { ptsMs: 120 }), START + 80)
  expect(meter.health(START + 90).hasBFrames).toBe(true)
})

test('a long key-frame interval is told with its length and the setting that mends it', () => {
  const meter = new HealthMeter({ video, audio })
  feed(meter, { seconds: 9, gopMs: 4_000 })
  const health = meter.health(START + 9_000)
  expect(health.keyFrameIntervalMs).toBe(4_000)
  expect(health.notices).toMatchObject([{ code: 'key_frame_interval_long', level: 'warning' }])
  expect(health.notices[0]!.message).toContain('4.0 s')
  expect(health.notices[0]!.message).toContain('Keyframe Interval')
})

test('an encoder that never sends a second key frame is told of it too', () => {
  const meter = new HealthMeter({ video, audio })
  feed(meter, { seconds: 2, gopMs: 1e9 })
  expect(codes(meter, 2_000)).toEqual([])
  feed(meter, { from: 2_000, seconds: 4, gopMs: 1e9 })
  const health = meter.health(START + 6_000)
  expect(health.keyFrameIntervalMs).toBe(2_000)
  feed(meter, { from: 6_000, seconds: 1, gopMs: 1e9 })
  expect(codes(meter, 7_000)).toEqual(['key_frame_interval_long'])
})

test('sound that is missing or has stopped is told apart', () => {
  const silent = new HealthMeter({ video })
  feed(silent, { seconds: 7, hasAudio: false })
  expect(codes(silent, 7_000)).toEqual(['no_audio'])
  expect(silent.health(START + 7_000).audioCodec).toBeUndefined()
  const stopped = new HealthMeter({ video, audio })
  feed(stopped, { seconds: 3 })
  feed(stopped, { from: 3_000, seconds: 6, hasAudio: false })
  expect(codes(stopped, 9_000)).toEqual(['audio_stalled'])
})
