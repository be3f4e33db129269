/** The servers that the crowd is sent to, each a process that says its port. */
import { join } from 'node:path'
import { Database } from '../../../src/db/database.ts'
import { createPostgresDatabase } from '../../support/database.ts'
import { createAccount, createChannel, createServices } from '../../support/platform.ts'
import { startRedis } from '../../support/redis.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import type { ServerKind } from './wire.ts'

export interface ChatServers extends AsyncDisposable {
  readonly pids: readonly number[]
  readonly ports: readonly number[]
}

const commands: Readonly<Record<ServerKind, readonly string[]>> = {
  sluice: [process.execPath, join(import.meta.dir, 'server.ts')],
  'socket-io': ['node', join(import.meta.dir, 'socket-io-server.mjs')],
}

/** With a room in memory. */
export async function openServer(kind: ServerKind): Promise<ChatServers> {
  const server = await start(commands[kind])
  return { pids: [server.pid], ports: [server.port], [Symbol.asyncDispose]: server.stop }
}

/** Two instances of Sluice's chat with one PostgreSQL and one Redis. */
export async function openInstances(): Promise<ChatServers> {
  await using opened = new AsyncDisposableStack()
  const redis = opened.use(await startRedis())
  const folder = await tempFolder('sluice-bench-')
  opened.defer(() => folder.remove())
  const url = await createPostgresDatabase()
  const database = opened.use(await Database.open({ url, dataDir: folder.path }))
  const services = createServices(database)
  const { id } = await createAccount(services)
  await createChannel(services, id, 'room')
  const script = join(import.meta.dir, 'stored-server.ts')
  const servers = []
  for (let count = 0; count < 2; count++) {
    const server = await start([process.execPath, script, url, redis.url, folder.path])
    opened.defer(server.stop)
    servers.push(server)
  }
  const owned = opened.move()
  return {
    pids: servers.map(({ pid }) => pid),
    ports: servers.map(({ port }) => port),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function start(command: readonly string[]) {
  const child = Bun.spawn([...command], { stdout: 'pipe', stderr: 'inherit' })
  const { value } = await child.stdout.getReader().read()
  const stop = async () => {
    child.kill()
    await child.exited
  }
  const port = Number(new TextDecoder().decode(value))
  if (port > 0) return { pid: child.pid, port, stop }
  await stop()
  throw new Error(`${command.join(' ')} has not started`)
}
