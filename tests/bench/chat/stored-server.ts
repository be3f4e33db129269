/**
 * One of several instances of Sluice's chat, storing in PostgreSQL and speaking with the others over Redis:
 * `bun stored-server.ts DATABASE_URL REDIS_URL DATA_DIR`. There is one channel, `room`, and everybody is its owner.
 */
import { Database } from '../../../src/db/database.ts'
import { createLog } from '../../../src/log.ts'
import { RedisBus } from '../../../src/redis/redis-bus.ts'
import { createChat } from '../../chat/chats.ts'
import { openGateway } from '../../chat-socket/gateway.ts'
import { createServices } from '../../support/platform.ts'

const MANY = 100_000

const [url = '', redisUrl = '', dataDir = ''] = Bun.argv.slice(2)
const database = await Database.open({ url, dataDir })
const services = createServices(database)
const bus = await RedisBus.open({ url: redisUrl, log: createLog('silent') })
const { owner } = await services.channels.getBySlug('room')
const gateway = openGateway(createChat(database, services, bus), {
  limits: { maxConnections: MANY, maxConnectionsPerAddress: MANY },
  account: () => owner,
})
console.log(gateway.port)
