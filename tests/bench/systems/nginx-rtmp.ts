/** nginx with its RTMP module, as Debian packages it: RTMP through, and HLS with segments of a second. */
import { freePort } from '../../support/free-port.ts'
import { Daemon, findInstalled } from './daemon.ts'
import { NotInstalled, type System } from './system.ts'

const modules = ['/usr/lib/nginx/modules/ngx_rtmp_module.so', '/usr/share/nginx/modules/ngx_rtmp_module.so']

export async function openNginxRtmp(): Promise<System> {
  const program = Bun.which('nginx') ?? (await findInstalled(['/usr/sbin/nginx']))
  const module = await findInstalled(modules)
  if (!program || !module) throw new NotInstalled('apt-get install nginx-light libnginx-mod-rtmp')
  const rtmpPort = await freePort()
  const httpPort = await freePort()
  const daemon = await Daemon.open({
    command: folder => [program, '-p', folder, '-c', `${folder}/nginx.conf`, '-e', `${folder}/error.log`],
    files: folder => ({
      'nginx.conf': configuration({ folder, module, rtmpPort, httpPort }),
      'hls/.keep': '',
    }),
    port: rtmpPort,
  })
  let streams = 0
  return {
    name: 'nginx-rtmp',
    pid: daemon.pid,
    reencodes: false,
    async newStream() {
      const name = `s${++streams}`
      const rtmp = `rtmp://127.0.0.1:${rtmpPort}/live/${name}`
      return { publish: rtmp, ffmpeg: rtmp, hls: `http://127.0.0.1:${httpPort}/hls/${name}.m3u8` }
    },
    [Symbol.asyncDispose]: () => daemon.close(),
  }
}

interface Places {
  readonly folder: string
  readonly module: string
  readonly rtmpPort: number
  readonly httpPort: number
}

function configuration({ folder, module, rtmpPort, httpPort }: Places): string {
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `load_module ${module};
${user}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 512; }
rtmp {
  access_log off;
  server {
    listen 127.0.0.1:${rtmpPort};
    chunk_size 4096;
    application live {
      live on;
      hls on;
      hls_path ${folder}/hls;
      hls_fragment 1s;
      hls_playlist_length 6s;
    }
  }
}
http {
  access_log off;
  ${temporary.map(name => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
  server {
    listen 127.0.0.1:${httpPort};
    location /hls {
      root ${folder};
      add_header Cache-Control no-cache;
      add_header Access-Control-Allow-Origin *;
    }
  }
}
`
}
