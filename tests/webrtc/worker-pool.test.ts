import { expect, test } from 'bun:test'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { WorkerPool } from '../../src/webrtc/worker-pool.ts'
import { freePort, freePortRange } from '../support/free-port.ts'
import { processTree } from '../support/process-tree.ts'
import { waitFor } from '../support/wait-for.ts'
import { log, openWorkers } from './stage.ts'

/** The UDP and TCP port of a worker. */
async function portOf(media: Awaited<ReturnType<WorkerPool['acquire']>>): Promise<number[]> {
  const { udpSockets, tcpServers } = await media.webRtcServer.dump()
  return [...udpSockets, ...tcpServers].map(socket => socket.port)
}

test('each worker has a process and a port of its own, and they are taken in turn', async () => {
  const port = await freePortRange(2)
  await using pool = await WorkerPool.open({ count: 2, host: '127.0.0.1', port, log })
  const taken = [await pool.acquire(), await pool.acquire(), await pool.acquire()] as const
  expect(taken[0].worker.pid).not.toBe(taken[1].worker.pid)
  expect(taken[2]).toBe(taken[0])
  expect(new Set(pool.pids)).toEqual(new Set([taken[0].worker.pid, taken[1].worker.pid]))
  expect(await portOf(taken[0])).toEqual([port, port])
  expect(await portOf(taken[1])).toEqual([port + 1, port + 1])
})

test('a worker that is killed comes back on its port, and whoever asks meanwhile waits for it', async () => {
  const port = await freePort()
  await using pool = await WorkerPool.open({ count: 1, host: '127.0.0.1', port, log })
  for (let death = 0; death < 3; death++) {
    const [pid] = pool.pids
    process.kill(pid!, 'SIGKILL')
    await waitFor(() => !pool.pids.includes(pid!), { message: 'the death to be noticed', intervalMs: 1 })
    const media = await pool.acquire()
    expect(media.worker.pid).not.toBe(pid)
    expect(await portOf(media)).toEqual([port, port])
    expect(pool.pids).toEqual([media.worker.pid])
  }
})

test('while one worker is away, the others serve', async () => {
  await using pool = await openWorkers(2)
  const [first, second] = pool.pids
  process.kill(first!, 'SIGKILL')
  await waitFor(() => !pool.pids.includes(first!), { message: 'the death to be noticed', intervalMs: 1 })
  expect((await pool.acquire()).worker.pid).toBe(second!)
  expect((await pool.acquire()).worker.pid).not.toBe(first!)
  await waitFor(() => pool.pids.length === 2, { message: 'a new worker' })
})

test('a worker comes back only when its port is free again', async () => {
  const port = await freePort()
  await using pool = await WorkerPool.open({ count: 1, host: '127.0.0.1', port, log })
  process.kill(pool.pids[0]!, 'SIGKILL')
  await waitFor(() => pool.pids.length === 0, { message: 'the death to be noticed', intervalMs: 1 })
  const thief = createSocket('udp4')
  const isTaken = Promise.withResolvers<boolean>()
  thief.once('error', () => isTaken.resolve(false))
  thief.bind(port, '127.0.0.1', () => isTaken.resolve(true))
  // Whoever was faster, in the end there is one worker.
  if (await isTaken.promise) thief.close()
  const media = await pool.acquire()
  expect(pool.pids).toEqual([media.worker.pid])
})

for (const protocol of ['udp', 'tcp'] as const)
  test(`a ${protocol} port in use is told with the variable that changes it, and leaves no worker`, async () => {
    const port = await freePortRange(2)
    // The second worker's.
    const release = protocol === 'udp' ? await takeUdp(port + 1) : await takeTcp(port + 1)
    const before = workers()
    const opening = WorkerPool.open({ count: 2, host: '127.0.0.1', port, log })
    await expect(opening).rejects.toThrow(
      `The WebRTC port ${port + 1} (UDP and TCP) on 127.0.0.1 cannot be used`,
    )
    await expect(opening).rejects.toThrow('WEBRTC_PORT')
    expect(workers()).toEqual(before)
    await release()
    await using pool = await WorkerPool.open({ count: 2, host: '127.0.0.1', port, log })
    expect(pool.pids.length).toBe(2)
  })

test('closed, it has no process left, starts none, and gives none; it can be closed twice', async () => {
  const pool = await openWorkers(2)
  const { pids } = pool
  await Promise.all([pool.close(), pool.close()])
  await pool[Symbol.asyncDispose]()
  expect(pids.flatMap(processTree)).toEqual([])
  await expect(pool.acquire()).rejects.toThrow('closed')
})

test('whoever waits for a worker is told when the pool closes', async () => {
  const before = workers()
  const pool = await openWorkers(1)
  process.kill(pool.pids[0]!, 'SIGKILL')
  await waitFor(() => pool.pids.length === 0, { message: 'the death to be noticed', intervalMs: 1 })
  const waiting = pool.acquire()
  await pool.close()
  await expect(waiting).rejects.toThrow('closed')
  await waitFor(() => workers().every(pid => before.includes(pid)), { message: 'no worker to be left' })
})

test('a worker that does not react is ended all the same', async () => {
  const pool = await openWorkers(1)
  const [pid] = pool.pids
  process.kill(pid!, 'SIGSTOP')
  await pool.close()
  expect(processTree(pid!)).toEqual([])
})

test('a worker that is not installed is named, with what installs it', async () => {
  const script = `
    const { WorkerPool } = await import(${JSON.stringify(join(import.meta.dir, '../../src/webrtc/worker-pool.ts'))})
    const log = { error() {}, warn() {} }
    await WorkerPool.open({ count: 1, host: '127.0.0.1', port: 1, log }).catch(error => console.log(error.message))
  `
  const child = Bun.spawn([process.execPath, '-e', script], {
    env: { ...process.env, MEDIASOUP_WORKER_BIN: '/var/empty/mediasoup-worker' },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const text = await new Response(child.stdout).text()
  expect(text).toContain('/var/empty/mediasoup-worker')
  expect(text).toContain('make start')
})

/** The workers that this process has. */
function workers(): number[] {
  return processTree(process.pid).filter(pid => pid !== process.pid)
}

async function takeUdp(port: number): Promise<() => Promise<void>> {
  const socket = createSocket('udp4')
  await new Promise<void>(resolve => socket.bind(port, '127.0.0.1', resolve))
  return () => new Promise(resolve => socket.close(() => resolve()))
}

async function takeTcp(port: number): Promise<() => Promise<void>> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return () => new Promise(resolve => server.close(() => resolve()))
}
