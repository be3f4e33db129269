/** node-media-server from npm: RTMP through, and HTTP-FLV. */
import { join } from 'node:path'
import { freePort } from '../../support/free-port.ts'
import { Daemon, findInstalled } from './daemon.ts'
import { NotInstalled, type System } from './system.ts'

const entry = join(import.meta.dir, '../../../node_modules/node-media-server/bin/app.js')

export async function openNodeMediaServer(): Promise<System> {
  if (!(await findInstalled([entry]))) throw new NotInstalled('bun add -d node-media-server')
  const rtmpPort = await freePort()
  const httpPort = await freePort()
  const runtime = Bun.which('node') ?? process.execPath
  const daemon = await Daemon.open({
    command: folder => [runtime, entry, '-c', `${folder}/config.json`, '--no-admin', '--data-path', folder],
    files: () => ({ 'config.json': JSON.stringify(configuration(rtmpPort, httpPort)) }),
    port: rtmpPort,
  })
  let streams = 0
  return {
    name: 'node-media-server',
    pid: daemon.pid,
    reencodes: false,
    async newStream() {
      const name = `s${++streams}`
      return {
        publish: `rtmp://127.0.0.1:${rtmpPort}/live/${name}`,
        ffmpeg: `http://127.0.0.1:${httpPort}/live/${name}.flv`,
      }
    },
    [Symbol.asyncDispose]: () => daemon.close(),
  }
}

function configuration(rtmpPort: number, httpPort: number): object {
  return {
    bind: '127.0.0.1',
    rtmp: { port: rtmpPort },
    http: { port: httpPort },
    auth: { play: false, publish: false },
  }
}
