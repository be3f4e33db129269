/** Sluice's chat gateway with a room in memory, as a process of its own: the same job as Socket.IO's, which stores nothing. */
import { FakeRoom, fakeChat } from '../../chat-socket/fake-chat.ts'
import { openGateway } from '../../chat-socket/gateway.ts'

const MANY = 100_000

const gateway = openGateway(fakeChat(new FakeRoom('room')), {
  limits: { maxConnections: MANY, maxConnectionsPerAddress: MANY },
})
console.log(gateway.port)
