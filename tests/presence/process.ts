/** A process of its own whose five people watch a room, until it is killed: `bun process.ts REDIS_URL CHANNEL`. */
import { createLog } from '../../src/log.ts'
import { Presence } from '../../src/presence/presence.ts'
import { RedisPresenceStore } from '../../src/presence/redis-store.ts'
import { RedisConnection } from '../../src/redis/connection.ts'

const [url = '', channelId = ''] = process.argv.slice(2)
const log = createLog('silent')
const viewerKeys = Array.from({ length: 5 }, (_, index) => `of the other ${index}`)
await Presence.open({
  audiences: () => [{ channelId, viewerKeys }],
  store: new RedisPresenceStore(await RedisConnection.open({ url, log })),
  log,
})
