/** Everything the benchmark measures, in the order in which it is printed, with what Sluice promises on two cores. */

export type Unit = 'ms' | 's' | 's/min' | 'MiB' | 'MiB/s' | 'MiB/min' | 'KiB' | '% core' | '×' | ''

export type Target = { readonly atMost: number } | { readonly atLeast: number }

export interface Measure {
  readonly id: string
  readonly label: string
  readonly unit: Unit
  readonly target?: Target
}

/** How a viewer watches. `video` and `webrtc`: a plain client without and with sound; `player`: Sluice's own page. */
export type Way = 'video' | 'webrtc' | 'player' | 'hls' | 'ffmpeg'

const wayLabels: Readonly<Record<Way, string>> = {
  video: 'WebRTC, video alone',
  webrtc: 'WebRTC with audio',
  player: 'own player page',
  hls: 'HLS in hls.js',
  ffmpeg: 'RTMP or FLV in ffmpeg',
}

/** Two millisecond clocks and a picture's worth of jitter stay below this; what climbs does not. */
const LEVEL_MS = 10

const targets: Readonly<Record<string, Target>> = {
  'delay.video.p50': { atMost: 35 },
  'delay.video.p95': { atMost: 60 },
  'delay.video.drift': { atMost: LEVEL_MS },
  'delay.webrtc.p50': { atMost: 70 },
  'delay.webrtc.drift': { atMost: LEVEL_MS },
  'delay.player.p50': { atMost: 70 },
  'delay.player.drift': { atMost: LEVEL_MS },
  'delay.hls.p50': { atMost: 1000 },
  'delay.hls.p95': { atMost: 1500 },
  'join.webrtc.p95': { atMost: 700 },
  'join.player.p95': { atMost: 700 },
  'join10.webrtc.p95': { atMost: 1000 },
  'join10.player.p95': { atMost: 1000 },
  'joinsmall.webrtc.p95': { atMost: 1000 },
  'joinsmall.player.p95': { atMost: 1000 },
  'joinoff.webrtc.p95': { atMost: 1000 },
  'joinoff.player.p95': { atMost: 1000 },
  'soak.hls.js.stalls': { atMost: 0 },
  'soak.hls.js.growth': { atMost: 100 },
  'soak.shaka.stalls': { atMost: 0 },
  'soak.shaka.growth': { atMost: 100 },
  'capacity.viewer': { atMost: 0.25 },
  'capacity.viewers': { atLeast: 400 },
  'players.core': { atMost: 100 },
  'recovery.webrtc.max': { atMost: 1500 },
  'recovery.hls.max': { atMost: 1500 },
  'recovery.hlsPage.max': { atMost: 1500 },
  'recovery.takeover.max': { atMost: 1000 },
  'recovery.backup.max': { atMost: 1500 },
  'delay.reencoded.added': { atMost: 150 },
  'cpu.passthrough.alone': { atMost: 2 },
  'fanout.viewer': { atMost: 0.3 },
  'panel.p95': { atMost: 20 },
  'chat.idle': { atMost: 10 },
  'chat.idle.product': { atMost: 10 },
  'chat.1000.ratio': { atLeast: 5 },
  'chat.5000.ratio': { atLeast: 5 },
  'chat.10000.ratio': { atLeast: 5 },
  'chat.1000.core': { atLeast: 300_000 },
  'chat.5000.core': { atLeast: 300_000 },
  'chat.10000.core': { atLeast: 300_000 },
  'vod.picture.ratio': { atLeast: 0.5 },
  'vod.sound.ratio': { atLeast: 0.5 },
  'publishers.live': { atLeast: 30 },
  'publishers.loop': { atMost: 50 },
}

/** Each has one rendition more than the one before, so that the difference is what that costs. */
export const ladders = ['off', '360p', '480p,360p', '720p,480p,360p'] as const

/** The rows of the table. */
export const measures: readonly Measure[] = [
  ...(['video', 'webrtc', 'player', 'hls', 'ffmpeg'] as const).flatMap(delayRows),
  row('delay.reencoded.p50', 'WebRTC of a stream with B-frames: delay p50', 'ms'),
  row('delay.reencoded.p95', 'WebRTC of a stream with B-frames: delay p95', 'ms'),
  row('delay.reencoded.encoder', '… of it, the publisher’s own encoder', 'ms'),
  row('delay.reencoded.added', '… above the publisher’s own encoder', 'ms'),
  ...(['webrtc', 'player', 'hls'] as const).flatMap(way => joinRows('join', way, 1)),
  ...(['webrtc', 'player', 'hls'] as const).flatMap(way => joinRows('join10', way, 10)),
  ...(['webrtc', 'player'] as const).flatMap(way => startRows('joinsmall', way, 'of 640x360')),
  ...(['webrtc', 'player'] as const).flatMap(way => startRows('joinoff', way, 'without a ladder')),
  ...(['passthrough', 'reencoded'] as const).flatMap(costRows),
  row('fanout.viewer', 'a further WebRTC viewer', '% core'),
  row('capacity.viewer', 'a further native WebRTC viewer, SRTP received', '% core'),
  row('capacity.viewers', 'native WebRTC viewers until the p95 of frame delay doubles', ''),
  row('players.core', 'a thousand players of Low-Latency HLS', '% core'),
  row('players.total', '… with the publisher of 720p30 and its ladder', '% core'),
  row('players.requests', '… their requests a second', ''),
  row('players.part', '… time to fetch a part p95', 'ms'),
  ...['hls.js', 'shaka'].flatMap(soakRows),
  ...recoveryRows('webrtc', 'publisher killed and back: first key frame to pictures, WebRTC'),
  ...recoveryRows('hls', 'publisher killed and back: first key frame to pictures, hls.js'),
  ...recoveryRows(
    'hlsPage',
    'publisher killed and back: first key frame to pictures, own player page over HLS',
  ),
  ...recoveryRows('takeover', 'second publisher takes over: gap in the picture, WebRTC'),
  ...recoveryRows('backup', 'primary killed: gap until the backup’s picture, WebRTC'),
  ...recoveryRows('worker', 'WebRTC worker killed: gap in the picture, own player page'),
  ...recoveryRows('killed', 'encoder of the ladder killed: until its picture is back, WebRTC'),
  ...recoveryRows('frozen', 'encoder of the ladder frozen: until its picture is back, WebRTC'),
  ...recoveryRows('gap', '… of both: gap until that viewer’s next picture, of any size'),
  ...ladders.map(rungs => row(`ladder.${rungs}`, `one publisher of 1080p30, LADDER=${rungs}: CPU`, 's/min')),
  ...ladders
    .slice(1)
    .map(rungs => row(`ladder.${rungs}.added`, `… of it, the ${rungs.split(',')[0]} picture`, 's/min')),
  row(
    'panel.p50',
    'chat panel beside a video, 50 messages a second of all kinds, 1,500 in it: frame time p50',
    'ms',
  ),
  row('panel.p95', '… frame time p95', 'ms'),
  row('panel.busy', '… its main thread is busy', '% core'),
  row('chat.idle', 'chat: memory of an idle connection, of 10,000, the room in memory', 'KiB'),
  row('chat.idle.product', '… on the whole product: database, moderation, presence', 'KiB'),
  ...[1_000, 5_000, 10_000].flatMap(count => chatRows(String(count), `chat, ${count} in one room`)),
  ...[1_000, 5_000, 10_000].flatMap(count =>
    chatRows(`two.${count}`, `chat, ${count} at two instances over Redis`),
  ),
  ...(['off', 'auto'] as const).flatMap(recorderRows),
  ...(['picture', 'sound'] as const).flatMap(vodRows),
  ...vodPlayRows(),
  ...(['shared', 'own'] as const).flatMap(transcodeRows),
  row('publishers.live', 'publishers at once, live', ''),
  row('publishers.loop', 'event loop delay p99 with them', 'ms'),
  row('publishers.cpu', 'CPU of each of them', 's/min'),
  row('publishers.rss', 'memory with all of them', 'MiB'),
]

function chatRows(id: string, label: string): Measure[] {
  return [
    row(`chat.${id}.rate`, `${label}: deliveries a second, p99 within 200 ms`, ''),
    row(`chat.${id}.ratio`, '… times those of Socket.IO, for the crowd that lets it carry more', '×'),
    row(`chat.${id}.p50`, '… delivery delay p50', 'ms'),
    row(`chat.${id}.p99`, '… delivery delay p99', 'ms'),
    row(`chat.${id}.core`, '… at the most it carried: deliveries for a second of CPU', ''),
  ]
}

function delayRows(way: Way): Measure[] {
  const label = wayLabels[way]
  return [
    row(`delay.${way}.p50`, `${label}: delay p50`, 'ms'),
    row(`delay.${way}.p95`, `${label}: delay p95`, 'ms'),
    row(`delay.${way}.p99`, `${label}: delay p99`, 'ms'),
    row(`delay.${way}.drift`, `${label}: last third above first`, 'ms'),
    row(`delay.${way}.gaps`, `${label}: gaps over 100 ms`, ''),
  ]
}

function joinRows(id: string, way: Way, seconds: number): Measure[] {
  const label = `${wayLabels[way]}: first frame, key frames ${seconds} s apart`
  return [row(`${id}.${way}.p50`, `${label}, p50`, 'ms'), row(`${id}.${way}.p95`, `${label}, p95`, 'ms')]
}

/** The worst counts: it is what somebody sees. */
function recoveryRows(id: string, label: string): Measure[] {
  return [
    row(`recovery.${id}.p50`, `${label}, p50`, 'ms'),
    row(`recovery.${id}.max`, `${label}, worst`, 'ms'),
  ]
}

/** Of what has no rendition to start on. */
function startRows(id: string, way: Way, what: string): Measure[] {
  const label = `${wayLabels[way]} ${what}: first frame, key frames 10 s apart`
  return [
    row(`${id}.${way}.p50`, `${label}, p50`, 'ms'),
    row(`${id}.${way}.p95`, `${label}, p95`, 'ms'),
    row(`${id}.${way}.live`, '… until a picture that is live, p50', 'ms'),
  ]
}

function soakRows(player: string): Measure[] {
  const label = `Low-Latency HLS for ten minutes in ${player}, with a ladder`
  return [
    row(`soak.${player}.stalls`, `${label}: stalls`, ''),
    row(`soak.${player}.p50`, '… delay p50', 'ms'),
    row(`soak.${player}.p95`, '… delay p95', 'ms'),
    row(`soak.${player}.growth`, '… delay of the last minute above the second, p50', 'ms'),
  ]
}

function costRows(kind: 'passthrough' | 'reencoded'): Measure[] {
  const label = kind === 'passthrough' ? 'one publisher' : 'one publisher with B-frames'
  return [
    row(`cpu.${kind}.alone`, `${label}, no viewer: CPU`, 's/min'),
    row(`cpu.${kind}.viewer`, `${label}, one viewer: CPU`, 's/min'),
    row(`rss.${kind}.alone`, `${label}, no viewer: memory`, 'MiB'),
    row(`rss.${kind}.viewer`, `${label}, one viewer: memory`, 'MiB'),
  ]
}

function recorderRows(ladder: 'off' | 'auto'): Measure[] {
  const label = `one publisher recorded, LADDER=${ladder}`
  return [
    row(`recorder.${ladder}.cpu`, `${label}: CPU`, 's/min'),
    row(`recorder.${ladder}.cpu.added`, '… of it, the recorder', 's/min'),
    row(`recorder.${ladder}.rss`, `${label}: memory`, 'MiB'),
    row(`recorder.${ladder}.rss.added`, '… of it, the recorder', 'MiB'),
    row(`recorder.${ladder}.written`, `${label}: written to the disk`, 'MiB/min'),
    row(`recorder.${ladder}.written.added`, '… of it, by the recorder', 'MiB/min'),
  ]
}

/** Segments of two seconds, which are some 640 KB of picture or 34 KB of sound. */
function vodRows(kind: 'picture' | 'sound'): Measure[] {
  const label = `segments of a video’s ${kind} from a folder, a core for the server`
  return [
    row(`vod.${kind}.requests`, `${label}: requests a second`, ''),
    row(`vod.${kind}.rate`, '… bytes a second', 'MiB/s'),
    row(`vod.${kind}.p99`, '… time to fetch one p99, 32 at once', 'ms'),
    row(`vod.${kind}.core`, '… requests for a second of the server’s CPU', ''),
    row(`vod.${kind}.ratio`, '… requests a second, times those of nginx', '×'),
  ]
}

function vodPlayRows(): Measure[] {
  return [
    row('vodplay.first.p50', 'a video of ten minutes in hls.js: first frame, p50', 'ms'),
    row('vodplay.first.p95', 'a video of ten minutes in hls.js: first frame, p95', 'ms'),
    row('vodplay.page.p50', '… in its own page: first frame, p50', 'ms'),
    row('vodplay.page.p95', '… in its own page: first frame, p95', 'ms'),
    row('vodplay.seek.p50', '… in hls.js: seek to anywhere, until its picture, p50', 'ms'),
    row('vodplay.seek.p95', '… in hls.js: seek to anywhere, until its picture, p95', 'ms'),
  ]
}

/** `shared`: all processes use all cores, as on one machine; `own`: each has one core, as if it were a machine. */
function transcodeRows(cores: 'shared' | 'own'): Measure[] {
  const label = `an upload of 720p30 encoded, ${cores === 'own' ? 'one core for each process' : 'all cores for all'}`
  return [
    row(`transcode.${cores}.one`, `${label}: by one process, for a minute of video`, 's'),
    row(`transcode.${cores}.two`, '… by two processes', 's'),
    row(`transcode.${cores}.speedup`, '… speed-up', '×'),
  ]
}

function row(id: string, label: string, unit: Unit): Measure {
  const target = targets[id]
  return { id, label, unit, ...(target && { target }) }
}
