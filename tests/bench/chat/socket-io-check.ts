/** That the peer does what it is measured at, as its own client library sees it. */
import { io } from 'socket.io-client'

const ANSWER_MS = 5_000

/** Throws when a message is not told to its sender and to another, or somebody without a token is let in. */
export async function checkSocketIo(port: number): Promise<void> {
  const open = (auth: Record<string, string>) =>
    io(`http://127.0.0.1:${port}`, { transports: ['websocket'], auth, forceNew: true, reconnection: false })
  const clients = [open({ token: 'one' }), open({ token: 'two' })]
  const stranger = open({})
  try {
    const connected = clients.map(client => within<void>(done => client.once('connect', () => done())))
    await Promise.all([...connected, refused(stranger)])
    const told = clients.map(client =>
      within<{ message: { text: string } }>(done => client.once('message', done)),
    )
    clients[0]?.emit('send', { text: 'hello' })
    for (const { message } of await Promise.all(told))
      if (message.text !== 'hello') throw new Error(`Socket.IO has told something else: ${message.text}`)
  } finally {
    for (const client of [...clients, stranger]) client.disconnect()
  }
}

function refused(client: ReturnType<typeof io>): Promise<void> {
  return within<void>((done, fail) => {
    client.once('connect_error', () => done())
    client.once('connect', () => fail(new Error('Socket.IO has let in somebody without a token')))
  })
}

function within<T>(wait: (done: (value: T) => void, fail: (error: Error) => void) => void): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const timer = setTimeout(() => reject(new Error('Socket.IO has not answered in time')), ANSWER_MS)
  wait(resolve, reject)
  return promise.finally(() => clearTimeout(timer))
}
