/** The process as an operator meets it: starting, failing to start, stopping, and 200 publishers later. */
import { describe, expect, test } from 'bun:test'
import { freePort } from '../support/free-port.ts'
import { descendants, openDescriptors, treeUsage } from '../support/process-tree.ts'
import { encodeFile, publish } from '../support/publisher.ts'
import { type Sluice, startSluice } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive } from './going-live.ts'

describe('a port in use', () => {
  test.each(['PORT', 'RTMP_PORT', 'WEBRTC_PORT'])('is named with its variable %s', async variable => {
    using taken = Bun.listen({ hostname: '127.0.0.1', port: await freePort(), socket: { data() {} } })
    const failure = await startSluice({ env: { [variable]: String(taken.port) } }).then(
      () => 'it started',
      (error: Error) => error.message,
    )
    expect(failure).toContain(variable)
    expect(failure).toContain(String(taken.port))
  })
})

test('wrong variables are all named at once', async () => {
  const failure = await startSluice({ env: { WEBRTC_WORKERS: 'many', AUTH_SECRET: 'short' } }).catch(String)
  expect(failure).toContain('WEBRTC_WORKERS')
  expect(failure).toContain('AUTH_SECRET')
})

test('Ctrl-C stops everything within 5 s, with a publisher and viewers, and the record ends', async () => {
  const sluice = await startSluice()
  const channel = await sluice.createChannel('alice')
  await using publisher = await publish(channel.publishUrl, { size: '320x180' })
  await goneLive(channel)
  const children = descendants(sluice.pid)
  const begun = performance.now()
  expect(await sluice.stop()).toBe(0)
  expect(performance.now() - begun).toBeLessThan(5_000)
  expect(sluice.log).not.toContain('"level":50')
  await waitFor(() => children.every(({ pid }) => !isRunning(pid)), { message: 'its children to be gone' })
  expect((await publisher.exited).code).not.toBe(0)
})

const CYCLES = 200
const WARM_UP_CYCLES = 30

test(`${CYCLES} publishers that connect, publish and drop leave nothing behind`, async () => {
  await using sluice = await startSluice({ env: { RECONNECT_GRACE_MS: '300' } })
  const channels = await Promise.all(['a1', 'b2', 'c3'].map(slug => sluice.createChannel(slug)))
  const file = await encodeFile({ size: '320x180', bitrate: '300k' })
  const cycle = async (index: number) => {
    const channel = channels[index % channels.length]!
    await using publisher = await publish(channel.publishUrl, { codecCopyFrom: file })
    await goneLive(channel)
    // A viewer that asks and never answers, and a player of HLS: both must go with the stream.
    expect((await fetch(channel.whepUrl, { method: 'POST' })).status).toBe(201)
    if (index % 2 === 0) publisher.kill('SIGKILL')
    else await publisher.stop()
    await waitFor(
      async () => (await channel.client.playback.sources.query({ slug: channel.slug })).isLive === false,
      {
        message: 'the stream to end',
      },
    )
  }
  const lane = async (first: number, count: number) => {
    for (let index = first; index < count; index += channels.length) await cycle(index)
  }
  const run = (count: number) => Promise.all(channels.map((_, first) => lane(first, count)))
  await run(WARM_UP_CYCLES)
  const before = await figures(sluice)
  await run(CYCLES)
  // The pipes of an encoder go a moment after it.
  const isClean = ({ sockets, descriptors }: Figures) =>
    sockets <= before.sockets + 2 && descriptors <= before.descriptors + 4
  const after = await waitFor(
    async () => {
      const now = await figures(sluice, before.processes)
      if (isClean(now)) return now
      throw new Error(`${JSON.stringify(before)} has become ${JSON.stringify(now)}`)
    },
    { message: 'all descriptors to be closed', timeoutMs: 20_000 },
  )
  console.log(`after ${WARM_UP_CYCLES} publishers:`, before, `after ${CYCLES} more:`, after)
  expect(after.rssMiB - before.rssMiB).toBeLessThan(80)
}, 540_000)

type Figures = Awaited<ReturnType<typeof figures>>

/**
 * Once nothing of a stream is left, nor of the jobs on its record, and no more than `processes` run. HLS lingers for a
 * minute, so its memory is part of both readings.
 */
async function figures(sluice: Sluice, processes = Number.POSITIVE_INFINITY) {
  const usage = await waitFor(
    () => {
      const children = descendants(sluice.pid)
      const usage = treeUsage(sluice.pid)
      const encoding = children.some(({ command }) => command === '' || /^ff(mpeg|probe)/.test(command))
      return !encoding && usage.processes === children.length + 1 && usage.processes <= processes && usage
    },
    { timeoutMs: 60_000, message: `the last encoders to end, and ${processes} processes at most to be left` },
  )
  const { sockets, all } = openDescriptors(sluice.pid)
  return { processes: usage.processes, sockets, descriptors: all, rssMiB: Math.round(usage.rssMiB) }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
