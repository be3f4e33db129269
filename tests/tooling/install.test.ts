/** What the install scripts do on machines of other kinds, made of a PATH with stand-ins for the system's tools. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

const scripts = join(import.meta.dir, '../../docker')
const plainTools = [
  'cat',
  'chmod',
  'dirname',
  'env',
  'grep',
  'mkdir',
  'mktemp',
  'mv',
  'rm',
  'sh',
  'tail',
  'touch',
]

let folder: string
let bin: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-install-'))
  bin = join(folder, 'bin')
  await mkdir(bin)
  for (const tool of plainTools) await symlink(Bun.which(tool) ?? '', join(bin, tool))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Puts a stand-in for `tool` on the PATH, which notes how it was called and then does as `script` says. */
async function place(tool: string, script = 'exit 0'): Promise<void> {
  await Bun.write(join(bin, tool), `#!/bin/sh\necho "${tool} $*" >>"${folder}/calls"\n${script}\n`)
  await chmod(join(bin, tool), 0o755)
}

async function run(script: string, ...options: string[]) {
  const child = Bun.spawn([join(bin, 'sh'), join(scripts, script), ...options], {
    env: { PATH: bin, HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [output, said] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { output: output.trim(), said, exitCode: await child.exited }
}

const calls = async () => (await Bun.file(join(folder, 'calls')).text()).split('\n')

describe('system packages', () => {
  test('nothing is asked for when all is there', async () => {
    for (const tool of ['ffmpeg', 'ffprobe', 'chromium', 'postgres']) await place(tool)
    expect(await run('packages.sh', 'ffmpeg', 'chromium', 'postgresql')).toEqual({
      output: '',
      said: '',
      exitCode: 0,
    })
  })

  test('root installs only what is missing, all at once', async () => {
    await place('id', 'echo 0')
    await place('apt-get')
    await place('chromium')
    const { exitCode, said } = await run('packages.sh', 'ffmpeg', 'chromium', 'xyz-one')
    expect(exitCode).toBe(0)
    expect(said).toContain('Installing ffmpeg xyz-one')
    expect(await calls()).toContainEqual(expect.stringMatching(/^apt-get install .* ffmpeg xyz-one /))
  })

  test('without root, the missing tool and the command that installs it are named', async () => {
    await place('id', 'echo 1000')
    await place('apt-get')
    await place('sudo', 'exit 1')
    const { exitCode, said } = await run('packages.sh', 'ffmpeg')
    expect(exitCode).toBe(1)
    expect(said).toContain('Sluice needs ffmpeg.')
    expect(said).toContain('sudo apt-get install -y --no-install-recommends ffmpeg')
    expect((await calls()).filter(call => call.startsWith('apt-get'))).toEqual([])
  })

  test('sudo that asks for no password is used', async () => {
    await place('id', 'echo 1000')
    await place('apt-get')
    await place('sudo', '[ "$1" = -n ] && shift && exec "$@"')
    await place('true')
    expect((await run('packages.sh', 'ffmpeg')).exitCode).toBe(0)
    expect(await calls()).toContainEqual(expect.stringMatching(/^apt-get install .* ffmpeg /))
  })

  test('a failed installation shows why, and the command', async () => {
    await place('id', 'echo 0')
    await place('apt-get', '[ "$3" = update ] || { echo "E: disk full"; exit 100; }')
    const { exitCode, said } = await run('packages.sh', 'ffmpeg')
    expect(exitCode).toBe(1)
    expect(said).toContain('E: disk full')
    expect(said).toContain('apt-get install -y --no-install-recommends ffmpeg')
  })

  test('Homebrew installs on macOS', async () => {
    await place('brew')
    expect((await run('packages.sh', 'ffmpeg')).exitCode).toBe(0)
    expect(await calls()).toContain('brew install ffmpeg')
  })

  test('a system with neither is told what to install', async () => {
    const { exitCode, said } = await run('packages.sh', 'ffmpeg')
    expect(exitCode).toBe(1)
    expect(said).toContain('neither apt-get nor Homebrew')
  })
})

describe('Bun', () => {
  test('the one on PATH is taken when it is new enough', async () => {
    await symlink(process.execPath, join(bin, 'bun'))
    expect(await run('bun.sh', join(folder, 'cache'))).toEqual({ output: bin, said: '', exitCode: 0 })
  })

  test('without Bun and npm, both are named', async () => {
    const { exitCode, said } = await run('bun.sh', join(folder, 'cache'))
    expect(exitCode).toBe(1)
    expect(said).toContain('apt-get install nodejs npm')
  })

  test('one that is too old is not taken; npm installs one into the cache, without install scripts, only once', async () => {
    await place('bun', 'exit 1')
    // Bun itself stands in for Node.js: it prints what is asked of package.json, and runs the install script.
    await symlink(process.execPath, join(bin, 'real-bun'))
    await place('node', `exec real-bun "$@"`)
    await place('npm', fakeNpm)
    const first = await run('bun.sh', join(folder, 'cache'))
    expect(first).toMatchObject({ exitCode: 0, said: expect.stringContaining('Installing Bun') })
    expect(basename(first.output)).toBe('.bin')
    expect(dirname(dirname(dirname(first.output)))).toBe(join(folder, 'cache'))
    expect(await Bun.file(join(first.output, 'bun')).exists()).toBe(true)
    const second = await run('bun.sh', join(folder, 'cache'))
    expect(second).toEqual({ output: first.output, said: '', exitCode: 0 })
    const installs = (await calls()).filter(call => call.startsWith('npm '))
    expect(installs).toHaveLength(1)
    expect(installs[0]).toMatch(/--ignore-scripts .* bun@\d+\.\d+\.\d+$/)
  })
})

/** Lays what npm would: a package whose install script puts the program in its place. */
const fakeNpm = `
modules="$3/node_modules"
mkdir -p "$modules/bun" "$modules/.bin"
echo "require('fs').symlinkSync('${process.execPath}', __dirname + '/../.bin/bun')" >"$modules/bun/install.js"
`
