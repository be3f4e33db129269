/** `bun unrecorded.ts`: the product as src/main.ts starts it, with a recorder that takes every stream and keeps nothing. */
import { createApp } from '../../../src/app.ts'
import { loadConfig } from '../../../src/config.ts'
import { createLog } from '../../../src/log.ts'
import { Recorder } from '../../../src/recording/recorder.ts'

Recorder.prototype.open = async () => ({
  consumerOf: () => undefined,
  holds: () => false,
  read: async () => undefined,
  close: async () => {},
})
const config = loadConfig(process.env)
await using _app = await createApp(config, createLog(config.logLevel))
const { promise: stopped, resolve } = Promise.withResolvers<void>()
process.once('SIGINT', resolve)
await stopped
