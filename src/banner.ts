/** What `make start` prints when everything is ready. */
import type { Config } from './config.ts'

/** Where to go: the page, the address for the encoder, the API's documentation, and where the data lies. */
export function printBanner(app: {
  config: Config
  httpPort: number
  httpsPort: number | undefined
  rtmpPort: number
  rtmpsPort: number | undefined
  ircPort: number | undefined
}): void {
  const { http, dataDir, databaseUrl, rtmp } = app.config
  const plain = `http://${reachable(http.host)}:${app.httpPort}`
  const secure = app.httpsPort && `https://${reachable(http.host)}:${app.httpsPort}`
  const web = http.publicUrl?.origin ?? (secure || plain)
  const rtmpHost = http.publicUrl?.hostname ?? reachable(rtmp.host)
  const lines = [
    ['Sluice is running', ''],
    ['Web', web],
    ...(secure ? [['Plain HTTP', plain]] : []),
    ['OBS server', `rtmp://${rtmpHost}${app.rtmpPort === 1935 ? '' : `:${app.rtmpPort}`}/live`],
    ...(app.rtmpsPort ? [['Encrypted', `rtmps://${rtmpHost}:${app.rtmpsPort}/live`]] : []),
    ...(app.ircPort ? [['Chat by IRC', `irc://${rtmpHost}:${app.ircPort}`]] : []),
    ['API docs', `${web}/docs`],
    ['Data', databaseUrl ? `${dataDir} and PostgreSQL` : dataDir],
  ]
  console.log(`\n${lines.map(([name, value]) => `  ${name!.padEnd(12)}${value}`.trimEnd()).join('\n')}\n`)
}

/** An address that listens everywhere is reached by name. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? 'localhost' : host
}
