/** Gives a test a Redis server of its own, which it may kill and start again on the same port. */
import { freePort } from './free-port.ts'
import { tempFolder } from './temp-folder.ts'
import { waitFor } from './wait-for.ts'

export interface TestRedis extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** SIGKILL: no goodbye to anybody. Resolves when it is gone. */
  kill(): Promise<void>
  /** On the same port, with nothing of what it held. */
  restart(): Promise<void>
  /** It answers nobody until `resume`, though connections stay open. */
  pause(): void
  resume(): void
}

/** Starts one that keeps nothing on disk; `password`: what a client must know. */
export async function startRedis(options: { password?: string } = {}): Promise<TestRedis> {
  const folder = await tempFolder('sluice-redis-')
  const port = await freePort()
  const auth = options.password ? ['--requirepass', options.password] : []
  const command = ['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--dir', folder.path]
  const start = () =>
    Bun.spawn(['sh', '-c', UNTIL_STDIN_ENDS, ...command, '--save', '', '--appendonly', 'no', ...auth], {
      stdin: 'pipe',
      stdout: 'ignore',
      stderr: 'ignore',
    })
  let shell = start()
  await untilItAnswers(port)
  const server = async () => {
    const children = await Bun.file(`/proc/${shell.pid}/task/${shell.pid}/children`).text()
    return children.trim().split(' ').map(Number)
  }
  let pids = await server()
  const stop = async () => {
    signal(pids, 'SIGKILL')
    shell.stdin.end()
    await shell.exited
  }
  return {
    url: `redis://${options.password ? `:${options.password}@` : ''}127.0.0.1:${port}`,
    port,
    kill: stop,
    async restart() {
      shell = start()
      await untilItAnswers(port)
      pids = await server()
    },
    pause: () => signal(pids, 'SIGSTOP'),
    resume: () => signal(pids, 'SIGCONT'),
    async [Symbol.asyncDispose]() {
      await stop()
      await folder.remove()
    },
  }
}

/** Runs its arguments until this process ends in any way, which closes the pipe. */
const UNTIL_STDIN_ENDS = '"$0" "$@" & cat >/dev/null; kill -KILL $! 2>/dev/null; wait'

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch {
      // It is gone already.
    }
  }
}

async function untilItAnswers(port: number): Promise<void> {
  await waitFor(() => answers(port), { message: 'Redis to answer', timeoutMs: 15_000 })
}

/** Any reply will do: one that wants a password first is there too. */
async function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open: opened => void opened.write('PING\r\n'),
      data: () => resolve(true),
      close: () => resolve(false),
      error: () => resolve(false),
    },
  })
  const answered = await promise
  socket.end()
  return answered
}
