/** What the tests of RTMP ingest share: a server, an ffmpeg, a recorded publisher. */
import { expect } from 'bun:test'
import { Writable } from 'node:stream'
import type { AccessUnit } from '../../media/access-unit.ts'
import { RtmpServer, type RtmpServerOptions } from '../../src/ingest/rtmp-server.ts'
import { createLog } from '../../src/log.ts'
import { publishArguments, type RecordingKind, recordingOf } from '../media/rtmp/recording.ts'
import { FakeLive } from './fake-live.ts'
import { RtmpClient } from './rtmp-client.ts'

export const TEST_LIMIT_MS = 60_000

export interface Fixture extends AsyncDisposable {
  readonly server: RtmpServer
  readonly live: FakeLive
  /** Everything that was logged. */
  readonly logged: string[]
}

/** A server on a free port, before a live session that remembers. */
export async function open(options: Partial<RtmpServerOptions> = {}): Promise<Fixture> {
  const live = new FakeLive()
  const logged: string[] = []
  const destination = new Writable({
    write(line, _, done) {
      logged.push(String(line))
      done()
    },
  })
  const log = createLog('debug', destination)
  const server = await RtmpServer.open({ host: '127.0.0.1', port: 0, live, log, ...options })
  return { server, live, logged, [Symbol.asyncDispose]: () => server.close() }
}

/** ffmpeg publishing a test picture. */
export function ffmpeg(kind: RecordingKind, port: number, path = 'live/key') {
  const child = Bun.spawn(publishArguments(kind, `rtmp://127.0.0.1:${port}/${path}`), { stderr: 'pipe' })
  return {
    exited: child.exited,
    errors: new Response(child.stderr).text(),
    kill: () => child.kill('SIGKILL'),
  }
}

/** Sends a whole recorded session and returns when its media has been sent. */
export async function replay(port: number, kind: RecordingKind = 'plain'): Promise<RtmpClient> {
  const { opening, media } = await recordingOf(kind)
  const client = await RtmpClient.open(port)
  client.send(opening)
  await client.status('NetStream.Publish.Start')
  client.send(media)
  return client
}

/** Decoding times of each track increase. */
export function expectIncreasing(units: readonly AccessUnit[]): void {
  for (const kind of ['video', 'audio']) {
    const times = units.filter(unit => unit.track.kind === kind).map(unit => unit.dts)
    for (let index = 1; index < times.length; index++)
      expect(times[index]!).toBeGreaterThan(times[index - 1]!)
  }
}
