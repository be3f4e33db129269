/** Janus with its streaming plugin, as Debian packages it: RTP in, WebRTC out. */
import { freePort } from '../../support/free-port.ts'
import { Daemon, findInstalled } from './daemon.ts'
import { NotInstalled, type System } from './system.ts'

const MOUNT_POINT = 1
const libraries = ['/usr/lib/x86_64-linux-gnu/janus', '/usr/lib/aarch64-linux-gnu/janus', '/usr/lib/janus']

export async function openJanus(): Promise<System> {
  const program = Bun.which('janus')
  const library = await findInstalled(libraries)
  if (!program || !library) throw new NotInstalled('apt-get install --no-install-recommends janus')
  const httpPort = await freePort()
  const videoPort = await freePort()
  const audioPort = await freePort()
  const daemon = await Daemon.open({
    command: folder => [program, '-F', folder, '-C', `${folder}/janus.jcfg`],
    files: folder => ({
      'janus.jcfg': general(folder, library),
      'janus.transport.http.jcfg': http(httpPort),
      'janus.plugin.streaming.jcfg': mountPoint(videoPort, audioPort),
    }),
    port: httpPort,
  })
  return {
    name: 'Janus',
    pid: daemon.pid,
    reencodes: false,
    newStream: async () => ({
      publish: { videoPort, audioPort },
      janus: { url: `http://127.0.0.1:${httpPort}/janus`, mountPoint: MOUNT_POINT },
    }),
    [Symbol.asyncDispose]: () => daemon.close(),
  }
}

function general(folder: string, library: string): string {
  return `general: {
  configs_folder = "${folder}"
  plugins_folder = "${library}/plugins"
  transports_folder = "${library}/transports"
  events_folder = "${folder}/none"
  loggers_folder = "${folder}/none"
  debug_level = 3
}
nat: { ice_enforce_list = "127.0.0.1" }
plugins: { disable = "${without('streaming', plugins, 'libjanus_')}" }
transports: { disable = "${without('http', transports, 'libjanus_')}" }
`
}

const plugins = [
  ...['audiobridge', 'duktape', 'echotest', 'lua', 'nosip', 'recordplay', 'sip', 'streaming', 'textroom'],
  ...['videocall', 'videoroom', 'voicemail'],
]
const transports = ['http', 'mqtt', 'nanomsg', 'pfunix', 'rabbitmq', 'websockets']

function without(kept: string, all: readonly string[], prefix: string): string {
  return all
    .filter(name => name !== kept)
    .map(name => `${prefix}${name}.so`)
    .join(',')
}

function http(port: number): string {
  return `general: {
  json = "compact"
  base_path = "/janus"
  http = true
  port = ${port}
  ip = "127.0.0.1"
  https = false
}
admin: { admin_http = false; admin_https = false }
cors: { allow_origin = "*" }
`
}

function mountPoint(videoPort: number, audioPort: number): string {
  return `bench: {
  type = "rtp"
  id = ${MOUNT_POINT}
  video = true
  videoport = ${videoPort}
  videoiface = "127.0.0.1"
  videopt = 96
  videocodec = "h264"
  videofmtp = "profile-level-id=42e01f;packetization-mode=1"
  audio = true
  audioport = ${audioPort}
  audioiface = "127.0.0.1"
  audiopt = 111
  audiocodec = "opus"
}
`
}
