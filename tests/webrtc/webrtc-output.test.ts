import { expect, test } from 'bun:test'
import { AppError } from '../../src/errors.ts'
import { firefoxOffer, safariOffer } from './offers.ts'
import { ANNOUNCED, Stage } from './stage.ts'

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'accepted',
    error => (error instanceof AppError ? error.reason : error.message),
  )
}

/** What the only worker holds. */
async function held({ workers }: Stage): Promise<{ transports: number; routers: number }> {
  const { webRtcServer, worker } = await workers.acquire()
  const [server, dump] = await Promise.all([webRtcServer.dump(), worker.dump()])
  return { transports: server.webRtcTransportIds.length, routers: dump.routerIds.length }
}

test('viewers with the same payload types share a router behind the one of the stream, and the end releases everything', async () => {
  await using stage = await Stage.open()
  const stream = await stage.start('ada')
  const output = stage.webrtc.get('ada')
  await Promise.all([
    output.openSession(firefoxOffer, ANNOUNCED),
    output.openSession(firefoxOffer, ANNOUNCED),
    output.openSession(safariOffer, ANNOUNCED),
    output.openSession(undefined, ANNOUNCED),
  ])
  expect(await held(stage)).toEqual({ transports: 4, routers: 4 })
  await stream.end()
  await output.close()
  await output.closed
  expect(await held(stage)).toEqual({ transports: 0, routers: 0 })
  expect(await reasonOf(output.openSession(firefoxOffer, ANNOUNCED))).toBe('channel_not_live')
})

test('a stream without viewers costs no router', async () => {
  await using stage = await Stage.open()
  await stage.start('ada')
  expect(await held(stage)).toEqual({ transports: 0, routers: 0 })
})

test('a session that opens while the output closes is closed too', async () => {
  await using stage = await Stage.open()
  await stage.start('ada')
  const output = stage.webrtc.get('ada')
  const opening = reasonOf(output.openSession(firefoxOffer, ANNOUNCED))
  await output.close()
  expect(await opening).toBe('channel_not_live')
  expect(await held(stage)).toEqual({ transports: 0, routers: 0 })
})

test('when the workers close first, sessions end, and the output still closes', async () => {
  await using stage = await Stage.open()
  const stream = await stage.start('ada')
  const output = stage.webrtc.get('ada')
  const { session } = await output.openSession(firefoxOffer, ANNOUNCED)
  await stage.workers.close()
  await session.closed
  expect(output.findSession(session.id)).toBeUndefined()
  expect(await reasonOf(output.openSession(safariOffer, ANNOUNCED))).toContain('closed')
  await stream.end()
  await output.closed
})

test('a router that could not open is tried again for the next viewer', async () => {
  await using stage = await Stage.open()
  await stage.start('ada')
  const output = stage.webrtc.get('ada')
  const { session } = await output.openSession(firefoxOffer, ANNOUNCED)
  process.kill(stage.workers.pids[0]!, 'SIGKILL')
  // Its worker dies while it opens.
  await reasonOf(output.openSession(safariOffer, ANNOUNCED))
  await session.closed
  expect(await reasonOf(output.openSession(safariOffer, ANNOUNCED))).toBe('accepted')
  expect(await reasonOf(output.openSession(firefoxOffer, ANNOUNCED))).toBe('accepted')
})

test('a new stream of a channel is found although the old one is still closing', async () => {
  await using stage = await Stage.open()
  const identity = { id: 's1', channelId: 'c1', slug: 'ada' }
  const old = await stage.webrtc.openOutput(identity)
  await stage.webrtc.openOutput({ ...identity, id: 's2' })
  await old.close()
  expect(stage.webrtc.get('ada').identity.id).toBe('s2')
})
