/** Players of HLS that ask and do not read: neither the server's memory nor other viewers pay for them. */
import { expect, test } from 'bun:test'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { openDescriptors, treeUsage } from '../support/process-tree.ts'
import { encodeFile, publish } from '../support/publisher.ts'
import { startSluice, type TestChannel } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { goneLive } from './going-live.ts'
import { mediaPlaylist } from './viewers.ts'

/** What they ask for is four times what the server may grow by. */
const READERS = 400
/** For the sockets, and what a live stream takes meanwhile. */
const MAX_GROWTH_MIB = 100
const ROUNDS = 20
/** For another viewer's segment of nearly 1 MB, on a machine that also runs the test. */
const MAX_FETCH_MS = 1_000

test('hundreds that each ask for a segment and read nothing cost little memory and delay nobody', async () => {
  await using sluice = await startSluice({ env: { LADDER: 'off' } })
  const channel = await sluice.createChannel('alice')
  const bitRate = ['-x264-params', 'nal-hrd=cbr']
  const file = await encodeFile({ size: '640x360', bitrate: '6000k', extraArgs: bitRate })
  await using _publisher = await publish(channel.publishUrl, { codecCopyFrom: file })
  await goneLive(channel)
  const segment = await completeSegment(channel)
  const bytes = (await (await fetch(segment)).arrayBuffer()).byteLength
  expect(bytes).toBeGreaterThan(500_000)
  const before = { rssMiB: treeUsage(sluice.pid).rssMiB, sockets: openDescriptors(sluice.pid).sockets }
  const readers = await Promise.all(Array.from({ length: READERS }, () => askWithoutReading(segment)))
  try {
    await waitFor(() => openDescriptors(sluice.pid).sockets >= before.sockets + READERS, {
      message: 'all of them to be connected',
    })
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round++) times.push(await fetchMs(await completeSegment(channel)))
    expect(Math.max(...times)).toBeLessThan(MAX_FETCH_MS)
    expect(treeUsage(sluice.pid).rssMiB - before.rssMiB).toBeLessThan(MAX_GROWTH_MIB)
  } finally {
    for (const socket of readers) socket.destroy()
  }
  await waitFor(() => openDescriptors(sluice.pid).sockets < before.sockets + 5, {
    message: 'their connections to be gone',
  })
}, 120_000)

async function askWithoutReading(url: URL): Promise<Socket> {
  const socket = connect(Number(url.port), url.hostname)
  await once(socket, 'connect')
  socket.pause()
  socket.write(`GET ${url.pathname} HTTP/1.1\r\nhost: ${url.host}\r\n\r\n`)
  return socket
}

async function fetchMs(url: URL): Promise<number> {
  const startedAt = performance.now()
  const response = await fetch(url)
  await response.arrayBuffer()
  expect(response.status).toBe(200)
  return performance.now() - startedAt
}

/** The address of the source's newest whole segment. */
async function completeSegment(channel: TestChannel): Promise<URL> {
  const find = async () => {
    const playlist = await mediaPlaylist(channel)
    const sequence = playlist.match(/^\d+\.m4s$/gm)?.at(-1)
    const id = playlist && (await goneLive(channel)).id
    return sequence && new URL(`/hls/${channel.slug}/${id}/source/${sequence}`, channel.hlsUrl)
  }
  return waitFor(find, { message: 'a whole segment' })
}
