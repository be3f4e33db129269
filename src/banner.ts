/** What `make start` prints when everything is ready. */
import type { Config } from './config.ts'

interface Ports {
  httpPort: number
  httpsPort: number | undefined
  rtmpPort: number
  rtmpsPort: number | undefined
  ircPort: number | undefined
}

/**
 * Where to go: the page, the address for the encoder, the API's documentation; and where the data lies. One that only
 * does jobs has no ports.
 */
export function printBanner(app: { config: Config } & Partial<Ports>): void {
  const { dataDir, databaseUrl } = app.config
  const isServing = (some: Partial<Ports>): some is Ports => some.httpPort !== undefined
  const lines = [
    ['Sluice is running', ''],
    ...(isServing(app) ? placesOf(app.config, app) : [['Role', 'jobs only']]),
    ['Data', databaseUrl ? `${dataDir} and PostgreSQL` : dataDir],
  ]
  console.log(`\n${lines.map(([name, value]) => `  ${name!.padEnd(12)}${value}`.trimEnd()).join('\n')}\n`)
}

function placesOf({ http, rtmp }: Config, ports: Ports): string[][] {
  const plain = `http://${reachable(http.host)}:${ports.httpPort}`
  const secure = ports.httpsPort && `https://${reachable(http.host)}:${ports.httpsPort}`
  const web = http.publicUrl?.origin ?? (secure || plain)
  const rtmpHost = http.publicUrl?.hostname ?? reachable(rtmp.host)
  return [
    ['Web', web],
    ...(secure ? [['Plain HTTP', plain]] : []),
    ['OBS server', `rtmp://${rtmpHost}${ports.rtmpPort === 1935 ? '' : `:${ports.rtmpPort}`}/live`],
    ...(ports.rtmpsPort ? [['Encrypted', `rtmps://${rtmpHost}:${ports.rtmpsPort}/live`]] : []),
    ...(ports.ircPort ? [['Chat by IRC', `irc://${rtmpHost}:${ports.ircPort}`]] : []),
    ['API docs', `${web}/docs`],
  ]
}

/** An address that listens everywhere is reached by name. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? 'localhost' : host
}
