/**
 * Prints the path of a mediasoup worker that runs here: kept from an earlier run, downloaded, or built.
 * usage: worker.ts CACHE_FOLDER
 */
import { chmod, copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { proveWorker } from './worker-smoke.ts'

const downloadLimitMs = 30_000
const recipe = join(import.meta.dir, 'mediasoup-worker')
const mediasoup = join(import.meta.dir, '../node_modules/mediasoup')
const buildPackages = [
  ...['meson', 'ninja-build', 'g++', 'pkg-config', 'flatbuffers-compiler', 'libflatbuffers-dev'],
  ...['libuv1-dev', 'libssl-dev', 'libsrtp2-dev', 'libabsl-dev'],
]

console.log(await provideWorker(process.argv[2] ?? ''))
process.exit(0)

async function provideWorker(cache: string): Promise<string> {
  const kept = join(cache, await workerName())
  if (starts(kept)) return kept
  await mkdir(cache, { recursive: true })
  // Two runs at once each make their own, and the last one stays.
  const fresh = `${kept}.${process.pid}`
  try {
    if (!(await isProven(download, fresh)) && !(await isProven(build, fresh))) process.exit(1)
    await rename(fresh, kept)
    return kept
  } finally {
    await rm(fresh, { force: true })
  }
}

/** A worker is linked against the libraries of one release of one system, by one recipe. */
async function workerName(): Promise<string> {
  const { version } = await Bun.file(join(mediasoup, 'package.json')).json()
  const release = await Bun.file('/etc/os-release')
    .text()
    .catch(() => '')
  const field = (name: string) => new RegExp(`^${name}="?([\\w.-]+)`, 'm').exec(release)?.[1] ?? ''
  const hash = new Bun.CryptoHasher('sha256')
  const files = await Array.fromAsync(new Bun.Glob('**/*').scan(recipe))
  for (const file of files.sort()) hash.update(await Bun.file(join(recipe, file)).bytes())
  const system = `${process.platform}-${process.arch}-${field('ID')}${field('VERSION_ID')}`
  return `mediasoup-worker-${version}-${system}-${hash.digest('hex').slice(0, 8)}`
}

/** Without its parent's variables a worker that can be loaded here exits with 41. */
function starts(file: string): boolean {
  try {
    return (
      Bun.spawnSync([file], { env: {}, stdio: ['ignore', 'ignore', 'ignore'], timeout: 5000 }).exitCode === 41
    )
  } catch {
    return false
  }
}

/** Has `make` write a worker to `file`, and removes it again when it fails the smoke test. */
async function isProven(make: (file: string) => Promise<boolean>, file: string): Promise<boolean> {
  if (!(await make(file))) return false
  try {
    await proveWorker(file)
    say('The mediasoup worker made its test call, and is kept for the next time.')
    return true
  } catch (error) {
    say(`This mediasoup worker does not work: ${error instanceof Error ? error.message : error}`)
    await rm(file, { force: true })
    return false
  }
}

/** Runs mediasoup's own download of a prebuilt worker, which goes on to build one by pip where it fails: not here. */
async function download(file: string): Promise<boolean> {
  say("Downloading mediasoup's prebuilt worker (a few MB) ...")
  const folder = await mkdtemp(join(tmpdir(), 'sluice-worker-'))
  try {
    const { MEDIASOUP_WORKER_BIN: _, ...env } = process.env
    const script = Bun.spawn([process.execPath, join(mediasoup, 'npm-scripts.mjs'), 'postinstall'], {
      cwd: folder,
      env: { ...env, PYTHON: 'false' },
      stdio: ['ignore', 'ignore', 'ignore'],
      timeout: downloadLimitMs,
      killSignal: 'SIGKILL',
    })
    if ((await script.exited) !== 0) {
      say('It cannot be downloaded here.')
      return false
    }
    await copyFile(join(folder, 'worker/out/Release/mediasoup-worker'), file)
    await chmod(file, 0o755)
    return true
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function build(file: string): Promise<boolean> {
  if (!(await run(['sh', join(import.meta.dir, 'packages.sh'), ...buildPackages]))) return false
  say('Building the mediasoup worker from its sources, once (5 to 6 minutes on 2 cores) ...')
  if (await run(['sh', join(recipe, 'build.sh'), mediasoup, file])) return true
  say('The mediasoup worker could not be built: see above. MEDIASOUP_WORKER_BIN may name one that you have.')
  return false
}

/** Standard output carries the answer alone, so what a command prints goes to standard error. */
async function run(command: string[]): Promise<boolean> {
  return (await Bun.spawn(command, { stdio: ['ignore', 2, 2] }).exited) === 0
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
