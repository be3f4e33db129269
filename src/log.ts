/** Hides pino: structured logs, one line each, never with a secret in them. */
import { type DestinationStream, type Logger, pino } from 'pino'

export type Log = Logger

/** JSON lines on standard error (or `destination`), so that standard output stays for the banner. */
export function createLog(level: string, destination: DestinationStream = pino.destination(2)): Log {
  return pino(
    {
      level,
      base: null,
      redact: ['streamKey', '*.streamKey', 'password', '*.password', 'authorization', 'cookie'],
    },
    destination,
  )
}
