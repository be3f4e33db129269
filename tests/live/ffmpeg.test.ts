import { expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { getPriority } from 'node:os'
import { Ffmpeg, outputPipe } from '../../src/live/ffmpeg.ts'
import { processTree } from '../support/process-tree.ts'
import { waitFor } from '../support/wait-for.ts'

/** Sound without any coding passes through as it is, and fast. */
const raw = ['-f', 's16le', '-ar', '48000', '-ac', '1']
const passThrough = [...raw, '-i', 'pipe:0', '-c', 'copy', ...raw.slice(0, 2), 'pipe:1']
const CHUNK = 64 * 1024

function open(options: Partial<ConstructorParameters<typeof Ffmpeg>[0]> = {}) {
  let received = 0
  const ffmpeg = new Ffmpeg({
    args: passThrough,
    onOutput: bytes => {
      received += bytes.byteLength
    },
    ...options,
  })
  return { ffmpeg, received: () => received }
}

test('a child that does not read is given no more than its queue holds, and what was taken arrives', async () => {
  const { ffmpeg, received } = open({ maxQueuedBytes: 16 * CHUNK })
  process.kill(ffmpeg.pid, 'SIGSTOP')
  let taken = 0
  for (let index = 0; index < 200; index++) if (ffmpeg.write(new Uint8Array(CHUNK))) taken += CHUNK
  // The kernel's own pipe holds a chunk or two besides.
  expect(taken).toBeLessThanOrEqual(24 * CHUNK)
  expect(taken).toBeGreaterThanOrEqual(16 * CHUNK)
  process.kill(ffmpeg.pid, 'SIGCONT')
  // A write that is refused takes nothing, so it may be tried until the child has read enough.
  await waitFor(() => ffmpeg.write(new Uint8Array(CHUNK)), { message: 'room in the queue', timeoutMs: 5_000 })
  await ffmpeg.close()
  expect(received()).toBe(taken + CHUNK)
  expect(await ffmpeg.closed).toBeUndefined()
})

test('one unit larger than the queue is taken when nothing waits', async () => {
  const { ffmpeg, received } = open({ maxQueuedBytes: CHUNK })
  expect(ffmpeg.write(new Uint8Array(20 * CHUNK))).toBe(true)
  await ffmpeg.close()
  expect(received()).toBe(20 * CHUNK)
})

test('a child that was killed is told so, and takes nothing more', async () => {
  const { ffmpeg } = open()
  process.kill(ffmpeg.pid, 'SIGKILL')
  expect((await ffmpeg.closed)?.message).toContain('SIGKILL')
  expect(ffmpeg.write(new Uint8Array(CHUNK))).toBe(false)
  await ffmpeg.close()
})

test('a reader that throws ends the child, and is the cause', async () => {
  const failure = new Error('no room')
  const { ffmpeg } = open({
    onOutput: () => {
      throw failure
    },
  })
  ffmpeg.write(new Uint8Array(CHUNK))
  // Only the end of input makes it write at all.
  await ffmpeg.close()
  expect((await ffmpeg.closed)?.cause).toBe(failure)
  expect(processTree(ffmpeg.pid)).toEqual([])
})

test('a child that does not even react to SIGTERM is gone when close resolves', async () => {
  const { ffmpeg } = open()
  ffmpeg.write(new Uint8Array(CHUNK))
  process.kill(ffmpeg.pid, 'SIGSTOP')
  const { pid } = ffmpeg
  await Promise.all([ffmpeg.close(), ffmpeg.close()])
  expect(processTree(pid)).toEqual([])
}, 15_000)

test('several outputs come apart, each whole, and leave no pipe open', async () => {
  const open = () => readdirSync('/dev/fd').length
  const before = open()
  for (let round = 0; round < 3; round++) {
    const received = [0, 0, 0]
    const copies = received.flatMap((_, output) => {
      const until = ['-frames:a', String(10 * (output + 1))]
      return ['-map', '0:a', ...until, '-c', 'copy', ...raw.slice(0, 2), outputPipe(output)]
    })
    const ffmpeg = new Ffmpeg({
      args: [...raw, '-i', 'pipe:0', ...copies],
      outputs: 3,
      niceness: 7,
      onOutput: (bytes, output) => {
        received[output]! += bytes.byteLength
      },
    })
    expect(getPriority(ffmpeg.pid)).toBe(getPriority() + 7)
    ffmpeg.write(new Uint8Array(8 * CHUNK))
    await ffmpeg.close()
    expect(received[0]).toBeGreaterThan(0)
    expect([received[1]! / received[0]!, received[2]! / received[0]!]).toEqual([2, 3])
  }
  await waitFor(() => open() <= before, { message: 'every pipe to close' })
})

test('what is written while a child ends by itself fails quietly', async () => {
  const { ffmpeg } = open({ args: ['-f', 'nonsense', '-i', 'pipe:0'] })
  let isOver = false
  const closed = ffmpeg.closed.finally(() => {
    isOver = true
  })
  while (!isOver) {
    ffmpeg.write(new Uint8Array(CHUNK / 4))
    await Bun.sleep(0)
  }
  expect((await closed)?.message).toContain('nonsense')
  expect(ffmpeg.write(new Uint8Array(1))).toBe(false)
})

test('it reads nothing but its pipe, whatever its arguments say', async () => {
  const { ffmpeg } = open({ args: ['-i', '/etc/passwd', '-f', 'null', '-'] })
  expect((await ffmpeg.closed)?.message).toContain("Protocol 'file' not on whitelist 'pipe'")
})
