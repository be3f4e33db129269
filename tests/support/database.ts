/** Gives tests a migrated database of their own: PGlite in a temp folder, or one in a private PostgreSQL server. */
import { chownSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { Database } from '../../src/db/database.ts'
import { freePort } from './free-port.ts'
import { tempFolder } from './temp-folder.ts'
import { waitFor } from './wait-for.ts'

export type DatabaseKind = Database['kind']
export const databaseKinds: readonly DatabaseKind[] = ['pglite', 'postgres']

export interface TestDatabase extends AsyncDisposable {
  readonly database: Database
  /** What `Database.open` was given. */
  readonly options: { readonly url?: string; readonly dataDir: string }
}

/** Opens an empty, migrated database; its disposal closes it and takes it away. */
export async function openTestDatabase(kind: DatabaseKind): Promise<TestDatabase> {
  const folder = await tempFolder()
  const url = kind === 'postgres' ? { url: await createPostgresDatabase() } : {}
  const options = { dataDir: folder.path, ...url }
  const database = await Database.open(options)
  return {
    database,
    options,
    [Symbol.asyncDispose]: async () => {
      await database.close()
      await folder.remove()
    },
  }
}

/** The URL of a new, empty database in this process's PostgreSQL server, which is started at the first call. */
export async function createPostgresDatabase(): Promise<string> {
  const { url: server } = await sharedServer()
  const name = `test_${crypto.randomUUID().replaceAll('-', '')}`
  const admin = postgres(`${server}/postgres`, { max: 1, onnotice() {} })
  await admin.unsafe(`create database ${name}`)
  await admin.end()
  return `${server}/${name}`
}

interface SharedServer {
  readonly url: string
  /** Held, because its end ends the server. */
  readonly stdin: unknown
}

/** One server for all test files of this process, though each file has its own modules. */
function sharedServer(): Promise<SharedServer> {
  const shared = globalThis as typeof globalThis & { testPostgres?: Promise<SharedServer> }
  shared.testPostgres ??= startServer()
  return shared.testPostgres
}

async function startServer(): Promise<SharedServer> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-postgres-'))
  const data = join(folder, 'data')
  mkdirSync(data, { mode: 0o700 })
  const asUser = unprivileged(folder, data)
  run([
    ...asUser,
    tool('initdb'),
    '--pgdata',
    data,
    '--auth',
    'trust',
    '--username',
    'test',
    '--no-sync',
    '-E',
    'UTF8',
  ])
  const port = await freePort()
  const settings = [
    `listen_addresses=127.0.0.1`,
    `unix_socket_directories=${folder}`,
    'fsync=off',
    'max_connections=50',
  ]
  const command = [
    tool('postgres'),
    '-D',
    data,
    '-p',
    String(port),
    ...settings.flatMap(each => ['-c', each]),
  ]
  const server = Bun.spawn(['sh', '-c', UNTIL_STDIN_ENDS, folder, ...asUser, ...command], {
    cwd: folder,
    stdin: 'pipe',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  server.unref()
  const url = `postgres://test@127.0.0.1:${port}`
  await waitFor(() => answers(`${url}/postgres`), { message: 'PostgreSQL to answer', timeoutMs: 30_000 })
  return { url, stdin: server.stdin }
}

/** Runs its arguments until this process ends in any way, which closes the pipe; then removes the folder `$0`. */
const UNTIL_STDIN_ENDS = '"$@" & cat >/dev/null; kill -QUIT $!; wait $!; cd /; rm -rf "$0"'

/** PostgreSQL refuses to run as root. */
function unprivileged(...folders: string[]): string[] {
  if (process.getuid?.() !== 0) return []
  const [uid, gid] = ['-u', '-g'].map(flag => Number(run(['id', flag, 'nobody'])))
  for (const folder of folders) chownSync(folder, uid!, gid!)
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--']
}

function tool(name: string): string {
  const found =
    Bun.which(name) ??
    [...new Bun.Glob(`*/bin/${name}`).scanSync({ cwd: DEBIAN, absolute: true })].sort().at(-1)
  if (!found) throw new Error(`${name} is missing: install PostgreSQL (Debian: apt-get install postgresql)`)
  return found
}

const DEBIAN = '/usr/lib/postgresql'

async function answers(url: string): Promise<boolean> {
  const client = postgres(url, { max: 1, connect_timeout: 5, onnotice() {} })
  try {
    await client`select 1`
    return true
  } finally {
    await client.end({ timeout: 1 })
  }
}

function run(command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: tmpdir() })
  if (exitCode !== 0) throw new Error(`${command[0]} failed: ${stderr.toString()}`)
  return stdout.toString().trim()
}
