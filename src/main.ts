/** Starts Sluice from the environment and stops it on a signal. */
import { createApp } from './app.ts'
import { printBanner } from './banner.ts'
import { loadConfig } from './config.ts'
import { createJobsApp } from './jobs-app.ts'
import { createLog } from './log.ts'

const STOP_DEADLINE_MS = 5_000

try {
  const config = loadConfig(process.env)
  const log = createLog(config.logLevel)
  const open = config.roles.includes('serve') ? createApp : createJobsApp
  await using app = await open(config, log)
  // Starting leaves hundreds of MiB behind, which would else be kept until as much again has been allocated.
  Bun.gc(true)
  printBanner(app)
  const { promise: stopped, resolve } = Promise.withResolvers<void>()
  process.once('SIGINT', resolve).once('SIGTERM', resolve)
  await stopped
  setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref()
} catch (error) {
  console.error(`Sluice cannot run: ${(error as Error).message}`)
  process.exitCode = 1
}
