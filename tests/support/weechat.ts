/** Runs WeeChat, a chat client that people use, without a terminal; what it shows is read from its log file. */
import { join } from 'node:path'
import { tempFolder } from './temp-folder.ts'

export interface Weechat extends AsyncDisposable {
  /** What it has shown in the channel so far, a line each: time, nick and text, with tabs between. */
  shown(): Promise<string>
}

/** Connects to the IRC server on `port` of loopback with an access token, joins `#slug` and says `text` there. */
export async function openWeechat(about: {
  port: number
  token: string
  slug: string
  text: string
}): Promise<Weechat> {
  const { port, token, slug, text } = about
  const folder = await tempFolder()
  const commands = [
    '/set logger.file.auto_log on',
    '/set logger.file.flush_delay 0',
    `/server add sluice 127.0.0.1/${port} -nossl -password=${token} -nicks=somebody`,
    `/set irc.server.sluice.command /join #${slug}\\;/msg #${slug} ${text}`,
    '/connect sluice',
  ]
  const child = Bun.spawn(
    ['weechat-headless', '--dir', folder.path, ...commands.flatMap(command => ['--run-command', command])],
    {
      ...{ stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
      env: { HOME: folder.path, PATH: process.env['PATH'] },
    },
  )
  const log = Bun.file(join(folder.path, 'logs', `irc.sluice.#${slug}.weechatlog`))
  return {
    shown: async () => ((await log.exists()) ? log.text() : ''),
    [Symbol.asyncDispose]: async () => {
      child.kill()
      await child.exited
      await folder.remove()
    },
  }
}
