/** Lets pg-boss use the embedded database beside everything else that does. */
import type { PGlite } from '@electric-sql/pglite'
import type { Db } from 'pg-boss'

const BEGINS_TRANSACTION = /^\s*BEGIN\b/i

/** `close` is its owner's. */
export function connectToPglite(client: PGlite): Db {
  return {
    async executeSql(text, values) {
      if (values?.length) return client.query(text, values)
      // Several statements. One that fails must not leave its transaction open for whoever is next on this connection.
      const results = await (BEGINS_TRANSACTION.test(text)
        ? client.transaction(transaction => transaction.exec(text))
        : client.exec(text))
      return { rows: results.flatMap(result => result.rows) }
    },
    async listen(channel, onNotification, onReconnect) {
      const stop = await client.listen(channel, onNotification)
      onReconnect()
      return { close: () => stop() }
    },
  }
}
