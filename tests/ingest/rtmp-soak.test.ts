/** Two hundred publishers that come and go leave nothing behind. */

import { heapStats } from 'bun:jsc'
import { expect, test } from 'bun:test'
import { readdirSync, readlinkSync } from 'node:fs'
import { recordingOf } from '../media/rtmp/recording.ts'
import { open, replay, TEST_LIMIT_MS } from './rtmp-fixture.ts'

const CYCLES = 200

interface Figures {
  readonly sockets: number
  readonly timers: number
  readonly socketObjects: number
  readonly heapMb: number
  readonly buffersMb: number
  readonly rssMb: number
}

/** Open sockets as the kernel sees them; the rest as the engine does, after a collection. */
async function measure(): Promise<Figures> {
  for (let round = 0; round < 3; round++) {
    await new Promise(setImmediate)
    Bun.gc(true)
  }
  const { objectTypeCounts, heapSize } = heapStats()
  const memory = process.memoryUsage()
  const mb = (bytes: number) => Math.round(bytes / 2 ** 18) / 4
  return {
    sockets: countSockets(),
    timers: objectTypeCounts['Timeout'] ?? 0,
    socketObjects: objectTypeCounts['TCPSocket'] ?? 0,
    heapMb: mb(heapSize),
    buffersMb: mb(memory.arrayBuffers),
    rssMb: mb(memory.rss),
  }
}

function countSockets(): number {
  return readdirSync('/proc/self/fd').filter(descriptor => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('socket:')
    } catch {
      return false // the descriptor with which the folder was read
    }
  }).length
}

test.skipIf(process.platform !== 'linux')(
  `${CYCLES} publishers connect, publish and drop`,
  async () => {
    await using fixture = await open()
    fixture.live.keepsUnits = false
    const cycle = async (index: number) => {
      const opening = fixture.live.next()
      const client = await replay(fixture.server.port, index % 2 === 0 ? 'plain' : 'bFrames')
      const stream = await opening
      await stream.received(60)
      if (index % 3 === 0) client.drop()
      else if (index % 3 === 1) client.close()
      await stream.left
      client.close()
      await client.ended
      fixture.live.streams.length = 0
    }
    await recordingOf('plain')
    for (let index = 0; index < 40; index++) await cycle(index)
    fixture.logged.length = 0
    const before = await measure()
    for (let index = 0; index < CYCLES; index++) await cycle(index)
    fixture.logged.length = 0
    const after = await measure()
    console.log(`${CYCLES} connect-publish-drop cycles over RTMP`)
    console.table({ before, after })
    expect(fixture.server.connectionCount).toBe(0)
    expect(after.sockets).toBe(before.sockets)
    expect(after.timers).toBeLessThanOrEqual(before.timers + 2)
    expect(after.socketObjects).toBeLessThanOrEqual(before.socketObjects + 4)
    expect(after.heapMb - before.heapMb).toBeLessThan(4)
    expect(after.buffersMb - before.buffersMb).toBeLessThan(4)
    expect(after.rssMb - before.rssMb).toBeLessThan(40)
  },
  TEST_LIMIT_MS,
)
