/** What `make start` prints when everything is ready. */
import type { Config } from './config.ts'

/** Where to go: the page, the address for the encoder, the API's documentation, and where the data lies. */
export function printBanner(app: { config: Config; httpPort: number; rtmpPort: number }): void {
  const { http, dataDir, databaseUrl, rtmp } = app.config
  const web = http.publicUrl?.origin ?? `http://${reachable(http.host)}:${app.httpPort}`
  const rtmpHost = http.publicUrl?.hostname ?? reachable(rtmp.host)
  const lines = [
    ['Sluice is running', ''],
    ['Web', web],
    ['OBS server', `rtmp://${rtmpHost}${app.rtmpPort === 1935 ? '' : `:${app.rtmpPort}`}/live`],
    ['API docs', `${web}/docs`],
    ['Data', databaseUrl ? `${dataDir} and PostgreSQL` : dataDir],
  ]
  console.log(`\n${lines.map(([name, value]) => `  ${name!.padEnd(12)}${value}`.trimEnd()).join('\n')}\n`)
}

/** An address that listens everywhere is reached by name. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? 'localhost' : host
}
