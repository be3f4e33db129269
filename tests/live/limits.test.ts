/** A channel's limits on a running stream: they count whoever else tries to publish meanwhile. */
import { expect, test } from 'bun:test'
import { type ChannelRules, DEFAULT_RULES, type IngestLimits } from '../../src/live/channel-rules.ts'
import { type FakePublisher, refusal, Stage } from './stage.ts'

const PICTURE_MS = 100
const MINUTE_MS = 60_000

function rules(limits: IngestLimits, onBreach: ChannelRules['onBreach'] = 'refuse'): ChannelRules {
  return { ...DEFAULT_RULES, onBreach, limits }
}

/** A stream that is live from a primary, under `of`. */
async function limitedStage(of: ChannelRules) {
  const stage = new Stage({ reconnectGraceMs: MINUTE_MS })
  stage.rules = of
  const primary = await stage.publish()
  primary.key(0)
  return { stage, primary, stream: stage.stream(), send: sender(stage, primary) }
}

/** Sends ten pictures a second for so long, each `keyEveryMs` a key frame; ends early when it is thrown out. */
function sender(stage: Stage, publisher: FakePublisher) {
  let ms = 0
  return (seconds: number, keyEveryMs = Infinity) => {
    for (const until = ms + seconds * 1000; ms < until && publisher.reasons.length === 0; ) {
      ms += PICTURE_MS
      stage.nowMs += PICTURE_MS
      publisher.picture(ms, ms % keyEveryMs === 0)
    }
  }
}

function reasons(publisher: FakePublisher): string[] {
  return publisher.reasons.map(({ reason }) => reason)
}

function shown(stage: Stage): string[] {
  return stage
    .stream()
    .broadcast!.health()
    .notices.map(({ code }) => code)
}

test('a second publisher that is refused again and again does not put off a measured limit', async () => {
  const { stage, primary, send } = await limitedStage(rules({ maxKeyFrameIntervalMs: 2_000 }))
  for (let tries = 0; tries < 4; tries++) {
    send(4)
    if (primary.reasons.length === 0) expect(await refusal(stage.publish())).toBe('channel_already_live')
  }
  expect(reasons(primary)).toEqual(['key_frame_interval_too_long'])
})

test('a warning that is shown when another publisher tries to come clears once it is mended', async () => {
  const { stage, primary, send } = await limitedStage(rules({ maxKeyFrameIntervalMs: 2_000 }, 'warn'))
  send(15)
  expect(shown(stage)).toContain('key_frame_interval_too_long')
  expect(await refusal(stage.publish())).toBe('channel_already_live')
  await stage.publish('key-ada', true)
  send(3, 1_000)
  expect(shown(stage)).not.toContain('key_frame_interval_too_long')
  expect(reasons(primary)).toEqual([])
})

test('an encoder that is only warned hears so once, and again when it breaks the limit again', async () => {
  const { stage, primary, send } = await limitedStage(
    rules({ maxKeyFrameIntervalMs: 2_000, maxWidth: 640 }, 'warn'),
  )
  send(5, 1_000)
  expect(primary.warnings).toEqual([
    expect.stringContaining('In OBS: Settings → Video → Output (Scaled) Resolution: 640x360.'),
  ])
  send(20)
  await stage.publish('key-ada', true)
  send(5)
  expect(primary.warnings.slice(1)).toEqual([expect.stringContaining('Keyframe Interval: 2 s.')])
  send(3, 1_000)
  send(15)
  expect(primary.warnings).toHaveLength(3)
})

test('limits that the owner has changed count from the next publisher that is let in', async () => {
  const { stage, primary, send } = await limitedStage(rules({}))
  send(15)
  stage.rules = rules({ maxKeyFrameIntervalMs: 2_000 })
  await stage.publish('key-ada', true)
  send(9)
  expect(reasons(primary)).toEqual([])
  send(4)
  expect(reasons(primary)).toEqual(['key_frame_interval_too_long'])
})

test('who returns has ten seconds of its own', async () => {
  const { stage, primary, send } = await limitedStage(rules({ maxKeyFrameIntervalMs: 2_000 }))
  send(9)
  primary.drop()
  const back = await stage.publish()
  back.key(0)
  const sendAgain = sender(stage, back)
  sendAgain(9)
  expect(reasons(back)).toEqual([])
  sendAgain(6)
  expect(reasons(back)).toEqual(['key_frame_interval_too_long'])
})

test('a stream that has lasted as long as it may ends, without a grace period, and says why', async () => {
  const { stage, primary, stream, send } = await limitedStage(rules({ maxSessionMs: 10 * MINUTE_MS }))
  send(4 * 60, 1_000)
  expect(shown(stage)).not.toContain('session_ending')
  // Of the stream, not of the connection: a return does not begin it anew.
  primary.drop()
  const back = await stage.publish()
  back.key(0)
  const sendAgain = sender(stage, back)
  sendAgain(2 * 60, 1_000)
  expect(shown(stage)).toContain('session_ending')
  expect(stream.isEnding).toBe(false)
  sendAgain(4 * 60 + 5, 1_000)
  expect(reasons(back)).toEqual(['session_too_long'])
  expect(await stream.closed).toMatchObject({ kind: 'INVALID', reason: 'session_too_long' })
  expect(stage.records.at(-1)).toBe('end stream-1')
  const next = await stage.publish()
  next.key(0)
  expect(stage.stream().identity.id).toBe('stream-2')
})
