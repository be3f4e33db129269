import { describe, expect, test } from 'bun:test'
import { ntpToMs, RtpTimeline } from '../../../media/rtp/depacketize-timeline.ts'
import { seededRandom } from '../rtmp/random.ts'

/** The sender's clock at its RTP time stamp zero of both streams, in milliseconds. */
const WALL = 4_000_000_000_000

test('NTP time is milliseconds since 1900, and a sender without clock has none', () => {
  expect(ntpToMs(4_004_212_343, 0x8000_0000)).toBe(4_004_212_343_500)
  expect(ntpToMs(0, 0)).toBeUndefined()
})

describe('a time line', () => {
  test('goes by arrival first, and by the sender’s steps then', () => {
    const timeline = new RtpTimeline()
    expect(timeline.place('video', 1_000_000, 200)).toBe(18_000)
    // The network held it back, but it was taken 33 ms later.
    expect(timeline.place('video', 1_003_000, 290)).toBe(21_000)
    expect(timeline.place('audio', 77, 300)).toBe(14_400)
  })

  test('goes on over the wrap of 32 bits', () => {
    const timeline = new RtpTimeline()
    const first = timeline.place('video', 2 ** 32 - 3_000, 100)!
    expect(timeline.place('video', 0, 133)).toBe(first + 3_000)
    expect(timeline.place('video', 3_000, 166)).toBe(first + 6_000)
  })

  test('never steps back: sound that would is left out, a picture is put behind the last one', () => {
    const timeline = new RtpTimeline()
    const picture = timeline.place('video', 90_000, 100)!
    expect(timeline.place('video', 87_000, 110)).toBe(picture + 1)
    expect(timeline.place('video', 93_000, 120)).toBe(picture + 3_000)
    const sound = timeline.place('audio', 48_000, 100)!
    expect(timeline.place('audio', 47_040, 110)).toBeUndefined()
    expect(timeline.place('audio', 48_960, 120)).toBe(sound + 960)
  })

  test('takes a jump of the time stamps for another beginning, at the time of arrival', () => {
    const timeline = new RtpTimeline()
    timeline.place('video', 90_000, 1_000)
    expect(timeline.place('video', 3_000_000_000, 1_033)).toBe(1_033 * 90)
    expect(timeline.place('video', 3_000_003_000, 1_066)).toBe(1_033 * 90 + 3_000)
    // A pause is no jump: time stamps and arrival agree about it.
    expect(timeline.place('video', 3_000_003_000 + 90_000 * 20, 21_066)).toBe(
      1_033 * 90 + 3_000 + 90_000 * 20,
    )
  })
})

describe('sound and picture taken at one moment', () => {
  /** The picture needs `videoDelayMs` from the camera to its arrival, the sound `audioDelayMs`; both run for `seconds`. */
  function run(videoDelayMs: number, audioDelayMs: number, seconds: number, audioPpm = 0, noiseMs = 0) {
    const random = seededRandom(9)
    const timeline = new RtpTimeline()
    const audioRate = 48 * (1 + audioPpm / 1e6)
    const events: { at: number; run: () => void }[] = []
    const last = { video: 0, audio: 0, droppedAudio: 0, steps: [] as number[] }
    for (let ms = 0; ms < seconds * 1000; ms += 20) {
      const video = () => {
        last.video = timeline.place('video', (5_000 + ms * 90) >>> 0, ms + videoDelayMs)! / 90 - ms
      }
      const audio = () => {
        const pts = timeline.place('audio', (9_000 + Math.round(ms * audioRate)) >>> 0, ms + audioDelayMs)
        if (pts === undefined) last.droppedAudio++
        else {
          last.audio = pts / 48 - ms
          last.steps.push(pts)
        }
      }
      events.push({ at: ms + videoDelayMs, run: video }, { at: ms + audioDelayMs, run: audio })
      if (ms % 1_000 !== 500) continue
      const report = (kind: 'video' | 'audio') => () => {
        const ticks = kind === 'video' ? 5_000 + ms * 90 : 9_000 + Math.round(ms * audioRate)
        timeline.report(kind, {
          wallTimeMs: WALL + ms + (random() - 0.5) * noiseMs,
          rtpTimestamp: ticks >>> 0,
        })
      }
      events.push({ at: ms + 100, run: report('video') }, { at: ms + 120, run: report('audio') })
    }
    for (const event of events.toSorted((left, right) => left.at - right.at)) event.run()
    return last
  }

  for (const [videoDelayMs, audioDelayMs] of [
    [150, 20],
    [20, 150],
    [40, 400],
    [80, 40],
  ] as const)
    test(`come to lie together, where picture takes ${videoDelayMs} ms and sound ${audioDelayMs} ms`, () => {
      const { video, audio, steps } = run(videoDelayMs, audioDelayMs, 8)
      expect(Math.abs(video - audio)).toBeLessThan(25)
      expect(steps.every((pts, index) => index === 0 || pts > steps[index - 1]!)).toBe(true)
    })

  test('stay together beside a sound card that runs too fast', () => {
    const { video, audio, droppedAudio } = run(50, 50, 600, 500)
    // 500 ppm are 300 ms in ten minutes.
    expect(Math.abs(video - audio)).toBeLessThan(40)
    expect(droppedAudio).toBeLessThan(40)
  })

  test('are not moved to and fro by reports that are as inexact as 30 ms', () => {
    const { video, audio, steps } = run(90, 40, 300, 0, 60)
    expect(Math.abs(video - audio)).toBeLessThan(40)
    expect(steps.filter((pts, index) => index > 0 && pts - steps[index - 1]! !== 960).length).toBeLessThan(6)
  })

  test('are left as they arrived where the reports have nothing to do with each other', () => {
    const timeline = new RtpTimeline()
    timeline.place('video', 0, 100)
    const sound = timeline.place('audio', 0, 100)!
    timeline.report('video', { wallTimeMs: WALL, rtpTimestamp: 0 })
    timeline.report('audio', { wallTimeMs: WALL + 3_600_000, rtpTimestamp: 0 })
    expect(timeline.place('audio', 960, 120)).toBe(sound + 960)
  })
})
