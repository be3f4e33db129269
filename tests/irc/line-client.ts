/** An IRC client that shows every line. */
import { IrcServer, type IrcServerOptions } from '../../src/irc/irc-server.ts'
import { createLog } from '../../src/log.ts'
import type { TestPlatform } from '../support/platform.ts'
import { waitFor } from '../support/wait-for.ts'

export class LineClient implements Disposable {
  readonly lines: string[] = []
  isClosed = false
  readonly #decoder = new TextDecoder()
  #rest = ''
  #socket: Bun.Socket | undefined

  static async connect(port: number): Promise<LineClient> {
    const client = new LineClient()
    client.#socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        data: (_, bytes) => client.#receive(bytes),
        close: () => {
          client.isClosed = true
        },
      },
    })
    return client
  }

  /** Registered by access token; `caps` as Twitch's bots ask for them. */
  static async signIn(port: number, token: string, caps = ''): Promise<LineClient> {
    const client = await LineClient.connect(port)
    if (caps) client.send(`CAP REQ :${caps}`)
    client.send(`PASS oauth:${token}`, 'NICK somebody')
    await client.until(/ 422 /)
    return client
  }

  send(...lines: string[]): void {
    this.#socket?.write(lines.map(line => `${line}\r\n`).join(''))
  }

  write(bytes: Uint8Array): void {
    this.#socket?.write(bytes)
  }

  pause(): void {
    this.#socket?.pause()
  }

  async join(slug: string): Promise<void> {
    this.send(`JOIN #${slug}`)
    await this.until(new RegExp(` 366 \\S+ #${slug} `))
  }

  /** The first line that matches, now or later. */
  async until(form: RegExp): Promise<string> {
    const message = `a line like ${form}`
    return waitFor(() => this.lines.find(line => form.test(line)), { message, timeoutMs: 4_000 }).catch(
      cause => {
        throw new Error(`no line like ${form} among\n${this.lines.join('\n')}`, { cause })
      },
    )
  }

  /** Everything that was sent to it before has arrived. */
  async settle(): Promise<void> {
    const mark = crypto.randomUUID()
    this.send(`PING ${mark}`)
    await this.until(new RegExp(mark))
  }

  [Symbol.dispose](): void {
    this.#socket?.terminate()
  }

  #receive(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\r\n')
    this.#rest = lines.pop()!
    this.lines.push(...lines)
  }
}

/** The gateway on a free port, on the platform's chat. */
export function openIrcServer(
  { services, chat }: TestPlatform,
  options: Partial<IrcServerOptions> = {},
): IrcServer {
  return IrcServer.open({
    host: '127.0.0.1',
    port: 0,
    chat: chat.rooms,
    identify: token => services.accounts.findByAccessToken(token),
    names: async () => ['alice', 'bob', 'carol'],
    topic: async slug => (await services.channels.findBySlug(slug))?.title,
    addressKey: address => address,
    log: createLog('silent'),
    ...options,
  })
}

/** Signs up and in. */
export async function tokenOf(
  { services }: TestPlatform,
  username: string,
): Promise<{ id: string; token: string }> {
  const account = await services.accounts.signUp({ username, password: 'correct horse battery' })
  const { tokens } = await services.accounts.start(account, false)
  return { id: account.id, token: tokens.accessToken }
}
