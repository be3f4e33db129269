/** Clients that people and bots use on IRC, in the same room as everybody else. */
import { expect, test } from 'bun:test'
import { createRequire } from 'node:module'
import { freePort } from '../support/free-port.ts'
import { startSluice } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'
import { openWeechat } from '../support/weechat.ts'

/** What the test uses of irc-framework, which has no types. */
interface IrcClient {
  connect(options: Record<string, unknown>): void
  join(channel: string): void
  say(channel: string, text: string): void
  quit(): void
  on(event: 'registered', listener: () => void): void
  on(event: 'message', listener: (said: { nick: string; message: string }) => void): void
  on(event: 'join' | 'kick', listener: (about: { nick: string; kicked?: string }) => void): void
}

const { Client } = createRequire(import.meta.url)('irc-framework') as { Client: new () => IrcClient }

test('WeeChat and irc-framework talk with each other and with the page', async () => {
  const port = await freePort()
  await using sluice = await startSluice({ env: { IRC_PORT: String(port) } })
  const channel = await sluice.createChannel('alice')
  const tokenOf = async (username: string) =>
    (await sluice.client.auth.signUp.mutate({ username, password: 'correct horse battery' })).accessToken

  const bot = new Client()
  const heard: string[] = []
  let isKicked = false
  bot.on('message', ({ nick, message }) => heard.push(`${nick}: ${message}`))
  bot.on('kick', ({ kicked }) => {
    isKicked ||= kicked === 'helper_bot'
  })
  bot.on('join', ({ nick }) => {
    if (nick === 'helper_bot') bot.say('#alice', 'the bot is here')
  })
  bot.on('registered', () => bot.join('#alice'))
  const password = `oauth:${await tokenOf('helper_bot')}`
  bot.connect({ host: '127.0.0.1', port, nick: 'helper_bot', password, auto_reconnect: false })
  const texts = async () => {
    const { items } = await channel.client.chat.history.query({ slug: 'alice' })
    return items.map(({ author, text }) => `${author.username}: ${text}`)
  }
  await waitFor(async () => (await texts()).includes('helper_bot: the bot is here'), {
    message: 'what the bot said to be stored',
  })

  await using weechat = await openWeechat({
    port,
    token: await tokenOf('bob'),
    slug: 'alice',
    text: 'hi from WeeChat',
  })
  await waitFor(() => heard.includes('bob: hi from WeeChat'), { message: 'the bot to hear WeeChat' })
  await channel.client.chat.send.mutate({ slug: 'alice', text: 'hello from the page' })
  await waitFor(() => heard.includes('owner_1: hello from the page'), { message: 'the bot to hear the page' })
  await waitFor(async () => (await weechat.shown()).includes('owner_1\thello from the page'), {
    message: 'WeeChat to show what the page said',
  })

  await channel.client.chat.send.mutate({ slug: 'alice', text: '/ban helper_bot too loud' })
  await waitFor(() => isKicked, { message: 'the bot to be thrown out', timeoutMs: 2_000 })
  expect(heard).not.toContain('helper_bot: the bot is here')
  bot.quit()
})
