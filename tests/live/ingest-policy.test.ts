/** What breaks a channel's limits, when it counts, and that the words name a value which mends it. */
import { expect, test } from 'bun:test'
import type { AudioTrack, Tracks, VideoTrack } from '../../media/access-unit.ts'
import { AppError } from '../../src/errors.ts'
import { Broadcast } from '../../src/live/broadcast.ts'
import type { IngestLimits } from '../../src/live/channel-rules.ts'
import type { Health } from '../../src/live/health.ts'
import { IngestPolicy, refusalOf } from '../../src/live/ingest-policy.ts'
import { Refusals } from '../../src/live/refusals.ts'
import { createLog } from '../../src/log.ts'
import { audio, audioUnit, video, videoUnit } from './tracks.ts'

const START = 1_700_000_000_000

function policy(limits: IngestLimits, onBreach: 'refuse' | 'warn' = 'refuse', refuseBeyond?: IngestLimits) {
  return new IngestPolicy({ limits, onBreach, refuseBeyond }, START)
}

const healthy: Health = {
  videoCodec: 'avc1.42c01f',
  width: 1280,
  height: 720,
  audioCodec: 'mp4a.40.2',
  audioSampleRate: 48_000,
  audioChannels: 2,
  videoBitrateBps: 2_500_000,
  audioBitrateBps: 160_000,
  frameRate: 30,
  keyFrameIntervalMs: 2_000,
  sinceKeyFrameMs: 500,
  hasBFrames: false,
  notices: [],
}

const tracks: [string, Partial<VideoTrack>, IngestLimits, string, string][] = [
  [
    'both sides',
    { width: 2560, height: 1440 },
    { maxWidth: 1920, maxHeight: 1080 },
    'picture_too_large',
    'The picture is 2560x1440; this channel takes at most 1920x1080. In OBS: Settings → Video → Output (Scaled) Resolution: 1920x1080.',
  ],
  [
    'the height alone, and the width follows',
    { width: 1920, height: 1080 },
    { maxHeight: 720 },
    'picture_too_large',
    'at most 720 pixels in height. In OBS: Settings → Video → Output (Scaled) Resolution: 1280x720.',
  ],
  [
    'the width alone, in even sizes',
    { width: 1366, height: 768 },
    { maxWidth: 1000 },
    'picture_too_large',
    'Resolution: 1000x562.',
  ],
  [
    'the codec',
    { codec: 'hevc' },
    { videoCodecs: ['h264', 'av1'] },
    'video_codec_refused',
    'The picture is HEVC; this channel takes H.264 or AV1. In OBS: Settings → Output → Video Encoder: choose one for H.264 or AV1.',
  ],
  [
    'the codec of the sound',
    {},
    { audioCodecs: ['opus'] },
    'audio_codec_refused',
    'The sound is AAC; this channel takes Opus. In OBS: Settings → Output → Audio Encoder: choose one for Opus.',
  ],
  [
    'the stated frame rate',
    { frameRate: 60 },
    { maxFrameRate: 50 },
    'frame_rate_too_high',
    'The stream has 60 pictures a second; this channel takes at most 50. In OBS: Settings → Video → Common FPS Values: 50.',
  ],
]

test.each(tracks)('announced: %s', (_name, changes, limits, code, words) => {
  const announced = { video: { ...video, ...changes } as VideoTrack, audio }
  const [breach, ...others] = policy(limits).checkTracks(announced)
  expect(others).toEqual([])
  expect(breach).toMatchObject({ code, action: 'refuse' })
  expect(breach!.message).toContain(words)
  expect(refusalOf([breach!])).toMatchObject({ kind: 'INVALID', reason: code, message: breach!.message })
  const [warned] = policy(limits, 'warn').checkTracks(announced)
  expect(warned).toEqual({ ...breach!, action: 'warn' })
  expect(refusalOf([warned!])).toBeUndefined()
})

test('every sound is held to the codecs, and a stream without one to none', () => {
  const opus: AudioTrack = { ...audio, codec: 'opus' }
  const codesOf = (tracks: Tracks) =>
    policy({ audioCodecs: ['aac'] })
      .checkTracks(tracks)
      .map(({ code }) => code)
  expect(codesOf({ video })).toEqual([])
  expect(codesOf({ video, audio, alternateAudio: [audio] })).toEqual([])
  expect(codesOf({ video, audio, alternateAudio: [opus] })).toEqual(['audio_codec_refused'])
})

test('what keeps within the limits, or exactly at them, is no breach', () => {
  const limits: IngestLimits = {
    maxWidth: 1280,
    maxHeight: 720,
    maxFrameRate: 30,
    maxBitrateBps: 2_660_000,
    maxKeyFrameIntervalMs: 2_000,
    videoCodecs: ['h264'],
    audioCodecs: ['aac'],
    maxSessionMs: 60 * 60_000,
  }
  const kept = policy(limits)
  expect(kept.checkTracks({ video: { ...video, frameRate: 30.0003 }, audio })).toEqual([])
  for (let s = 0; s <= 60; s++) expect(kept.check(healthy, START + s * 1000)).toEqual([])
  const free = policy({})
  const huge = { ...video, codec: 'av1', width: 7680, height: 4320, frameRate: 120 } as VideoTrack
  expect(free.checkTracks({ video: huge })).toEqual([])
  expect(free.check({ ...healthy, videoBitrateBps: 1e9 }, START + 1e9)).toEqual([])
})

const measured: [string, Partial<Health>, IngestLimits, string][] = [
  [
    'bitrate_too_high',
    { videoBitrateBps: 8_000_000 },
    { maxBitrateBps: 6_000_000 },
    'The stream has 8160 Kbps; this channel takes at most 6000 Kbps, picture and sound together. In OBS: Settings → Output → Video Bitrate: 5800 Kbps, with rate control CBR.',
  ],
  [
    'frame_rate_too_high',
    { frameRate: 59.9 },
    { maxFrameRate: 30 },
    'The stream has 59.9 pictures a second; this channel takes at most 30. In OBS: Settings → Video → Common FPS Values: 30.',
  ],
  [
    'key_frame_interval_too_long',
    { keyFrameIntervalMs: 8_333 },
    { maxKeyFrameIntervalMs: 4_000 },
    'A key frame comes every 8.33 s; this channel takes at most 4 s between two. In OBS: Settings → Output → Keyframe Interval: 4 s.',
  ],
  [
    'key_frame_interval_too_long',
    { keyFrameIntervalMs: undefined, sinceKeyFrameMs: 20_000 },
    { maxKeyFrameIntervalMs: 2_500 },
    'Keyframe Interval: 2 s.',
  ],
]

test.each(measured)(
  'measured: %s counts after ten seconds, and not before',
  (code, changes, limits, words) => {
    const checked = policy(limits)
    const broken = { ...healthy, ...changes }
    expect(checked.check(broken, START)).toEqual([])
    expect(checked.check(broken, START + 9_900)).toEqual([])
    // A moment within the limits, and the ten seconds begin anew.
    expect(checked.check(healthy, START + 9_950)).toEqual([])
    expect(checked.check(broken, START + 10_000)).toEqual([])
    expect(checked.check(broken, START + 19_900)).toEqual([])
    const [breach] = checked.check(broken, START + 20_000)
    expect(breach).toMatchObject({ code, action: 'refuse' })
    expect(breach!.message).toContain(words)
  },
)

test('an owner who only warns cannot open what the instance refuses', () => {
  const rules = policy({ maxHeight: 720, maxBitrateBps: 3_000_000 }, 'warn', {
    maxHeight: 1080,
    maxBitrateBps: 6_000_000,
  })
  const of = (height: number) => rules.checkTracks({ video: { ...video, height } }).map(each => each.action)
  expect([of(720), of(900), of(1440)]).toEqual([[], ['warn'], ['refuse']])
  const at = (mbps: number, ms: number) =>
    rules.check({ ...healthy, videoBitrateBps: mbps * 1e6 }, START + ms).map(each => each.action)
  expect([at(4, 0), at(4, 10_000), at(9, 11_000), at(9, 20_000), at(9, 21_000)]).toEqual([
    [],
    ['warn'],
    ['warn'],
    ['warn'],
    ['refuse'],
  ])
})

test('the end of the longest session is told five minutes before', () => {
  const long = policy({ maxSessionMs: 60 * 60_000 })
  const at = (minutes: number) => long.check(healthy, START + minutes * 60_000)
  expect(at(54)).toEqual([])
  expect(at(56)).toMatchObject([{ code: 'session_ending', action: 'warn' }])
  expect(at(56)[0]!.message).toContain('in 4 minutes')
  expect(at(60.1)).toMatchObject([{ code: 'session_too_long', action: 'refuse' }])
  expect(at(60.1)[0]!.message).toContain('60 minutes')
})

test('a warning stands on the dashboard until it is mended; a refusal is answered', () => {
  let now = START
  const broadcast = new Broadcast({ tracks: { video, audio }, log: createLog('silent'), now: () => now })
  const warning = policy({ maxWidth: 640, maxBitrateBps: 1_000_000 }, 'warn')
  const refusing = policy({ maxBitrateBps: 1_000_000 })
  const run = (seconds: number, bytes: number) => {
    const refusals: string[] = []
    for (const until = now + seconds * 1000; now < until; now += 40) {
      const ms = now - START
      broadcast.write(videoUnit(ms, { isKey: ms % 1000 === 0, bytes }))
      broadcast.write(audioUnit(ms))
      if (ms % 1000 !== 0) continue
      expect(warning.enforce(broadcast, now)).toBeUndefined()
      const refusal = refusing.enforce(broadcast, now)
      if (refusal) refusals.push(refusal.reason)
    }
    return refusals
  }
  const shown = () =>
    broadcast
      .health()
      .notices.map(notice => notice.code)
      .sort()
  expect(run(2, 1_000)).toEqual([])
  expect(shown()).toEqual(['picture_too_large'])
  expect(run(18, 10_000)).toContain('bitrate_too_high')
  expect(shown()).toEqual(['bitrate_too_high', 'picture_too_large'])
  run(10, 1_000)
  expect(shown()).toEqual(['picture_too_large'])
})

test('the last refusal of a channel is kept for an hour, and those of many channels within bounds', () => {
  const refusals = new Refusals()
  const refuse = (channel: string, reason: string, now: number) =>
    refusals.record(channel, new AppError('INVALID', reason, `because of ${reason}`), now)
  refuse('a', 'one', START)
  refuse('a', 'two', START + 1)
  expect(refusals.find('a', START + 2)).toEqual({
    reason: 'two',
    message: 'because of two',
    refusedAt: START + 1,
  })
  expect(refusals.find('a', START + 61 * 60_000)).toBeUndefined()
  for (let i = 0; i < 2_000; i++) refuse(`c${i}`, 'r', START + 2)
  expect(refusals.find('a', START + 3)).toBeUndefined()
  expect(refusals.find('c1999', START + 3)).toBeDefined()
})
