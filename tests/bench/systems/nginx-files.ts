/** nginx with the files of a folder, as Debian packages it: one worker, sendfile, nothing logged. */
import { freePort } from '../../support/free-port.ts'
import { Daemon, findInstalled } from './daemon.ts'
import { NotInstalled } from './system.ts'

export interface FileServer extends AsyncDisposable {
  readonly pid: number
  /** `folder` is behind it. */
  readonly url: string
}

/** Throws NotInstalled. */
export async function openNginxFiles(folder: string): Promise<FileServer> {
  const program = Bun.which('nginx') ?? (await findInstalled(['/usr/sbin/nginx']))
  if (!program) throw new NotInstalled('apt-get install nginx-light')
  const port = await freePort()
  const daemon = await Daemon.open({
    command: own => [program, '-p', own, '-c', `${own}/nginx.conf`, '-e', `${own}/error.log`],
    files: own => ({ 'nginx.conf': configuration({ own, folder, port }) }),
    port,
  })
  return {
    pid: daemon.pid,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => daemon.close(),
  }
}

function configuration({ own, folder, port }: { own: string; folder: string; port: number }): string {
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `${user}
daemon off;
worker_processes 1;
pid ${own}/nginx.pid;
events { worker_connections 512; }
http {
  access_log off;
  ${temporary.map(name => `${name}_temp_path ${own}/${name};`).join('\n  ')}
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  types { video/mp4 m4s; }
  server {
    listen 127.0.0.1:${port};
    root ${folder};
    add_header Cache-Control "public, max-age=31536000, immutable";
    add_header Access-Control-Allow-Origin *;
  }
}
`
}
