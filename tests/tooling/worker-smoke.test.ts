/** The worker that Sluice runs passes its smoke test, and one that does not work is found out. */
import { expect, test } from 'bun:test'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { workerBin } from 'mediasoup'
import { proveWorker } from '../../docker/worker-smoke.ts'

async function proveScript(script: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-worker-'))
  const file = join(folder, 'worker')
  try {
    await Bun.write(file, `#!/bin/sh\n${script}\n`)
    await chmod(file, 0o755)
    await proveWorker(file, 1000)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test('the worker in use makes a handshake and relays a packet', async () => {
  await proveWorker(workerBin)
})

test('a worker that ends at once is found out', async () => {
  await expect(proveScript('exit 1')).rejects.toThrow('it did not start')
})

test('a worker that says nothing is found out', async () => {
  await expect(proveScript('exec sleep 30')).rejects.toThrow('it did not answer within 1 s')
})

test('a worker that dies in use is found out', async () => {
  // The client begins its handshake 100 ms after it has connected.
  const script = `"${workerBin}" "$@" & sleep 0.1; kill -9 $!; wait $!`
  await expect(proveScript(script)).rejects.toThrow(/it died|it did not start/)
})
