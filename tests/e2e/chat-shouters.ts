/** People with accounts who say more than anybody wants to hear. */
import { type ApiClient, createClient, reasonOf } from '../../src/client/api-client.ts'
import { type ChatServer, listenByIrc, listenBySocket } from '../support/chat-listeners.ts'
import type { TestChannel } from '../support/sluice.ts'

const PASSWORD = 'correct horse battery'
/** Readers who do not read must be found out before the engine gives up on telling them why: some ten seconds. */
const SHOUTERS = 24
const CONNECTIONS = 6
/** From each connection: as many as a client lets wait. */
const TEXTS = 20

/** As many as it takes to say a lot, each at the rate that moderators may. */
export async function signUpShouters(
  { sluice }: ChatServer,
  { slug, client }: TestChannel,
): Promise<ApiClient[]> {
  const names = Array.from({ length: SHOUTERS }, (_, index) => `shouter_${index}`)
  return Promise.all(
    names.map(async (username, index) => {
      const headers = { 'x-forwarded-for': `198.51.100.${100 + index}` }
      const anybody = createClient({ url: sluice.url, headers })
      const { accessToken } = await anybody.auth.signUp.mutate({ username, password: PASSWORD })
      await client.chat.send.mutate({ slug, text: `/mod ${username}` })
      return createClient({ url: sluice.url, accessToken, headers })
    }),
  )
}

/** Has them say the texts as fast as they may. */
export async function shout(
  slug: string,
  shouters: readonly ApiClient[],
  texts: readonly string[],
): Promise<void> {
  const waiting = [...texts]
  await Promise.all(
    shouters.map(async ({ chat }) => {
      for (let text = waiting.pop(); text; text = waiting.pop()) {
        const said = text
        await chat.send.mutate({ slug, text: said }).catch(async error => {
          if (reasonOf(error) !== 'rate_limited') throw error
          waiting.push(said)
          await Bun.sleep(200)
        })
      }
    }),
  )
}

/**
 * Somebody says all they can at once, by six WebSockets from addresses of their own and by IRC. `owner`: makes a moderator
 * of them first. Answers how many of it were heard, and why the rest was not.
 */
export async function flood(server: ChatServer, slug: string, username: string, owner?: ApiClient) {
  const account = { username, password: PASSWORD }
  const { accessToken: token } = await server.sluice.client.auth.signUp.mutate(account)
  await owner?.chat.send.mutate({ slug, text: `/mod ${username}` })
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, index) =>
      listenBySocket(server, slug, { token, headers: { 'x-forwarded-for': `198.51.100.${index}` } }),
    ),
  )
  const irc = await listenByIrc(server, slug, { token })
  const startedAt = performance.now()
  for (let n = 0; n < TEXTS; n++) irc.client.send(`PRIVMSG #${slug} :${username} by IRC ${n}`)
  const sent = await Promise.allSettled(
    sockets.flatMap(({ client }, index) =>
      Array.from({ length: TEXTS }, (_, n) => client.send(`${username} says ${index}.${n}`)),
    ),
  )
  await irc.client.settle()
  const seconds = (performance.now() - startedAt) / 1_000
  const count = irc.texts().filter(text => text.startsWith(username)).length
  for (const each of [...sockets, irc]) each.close()
  const reasons = sent.flatMap(each => (each.status === 'rejected' ? [each.reason.reason as string] : []))
  return { count, seconds, reasons: new Set(reasons) }
}
