/** Records what a real ffmpeg sends when it publishes over RTMP; each kind once per test run. */
import { RtmpSession } from '../../../media/rtmp/session.ts'

export interface Recording {
  /** Everything up to and with the `publish` command. */
  readonly opening: Uint8Array
  /** Everything after `NetStream.Publish.Start`. */
  readonly media: Uint8Array
}

export type RecordingKind = 'plain' | 'bFrames' | 'videoOnly' | 'large'

const SIZES: Record<RecordingKind, string[]> = {
  plain: ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25', '-f', 'lavfi', '-i', 'sine=r=44100'],
  bFrames: ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=30', '-f', 'lavfi', '-i', 'sine=r=48000'],
  videoOnly: ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25'],
  large: ['-f', 'lavfi', '-i', 'testsrc2=s=1280x720:r=30', '-f', 'lavfi', '-i', 'sine=r=48000'],
}
const CODECS: Record<RecordingKind, string[]> = {
  plain: ['-t', '2', '-bf', '0', '-g', '25', '-preset', 'ultrafast'],
  bFrames: ['-t', '2', '-bf', '2', '-g', '30', '-preset', 'veryfast'],
  videoOnly: ['-t', '1', '-bf', '0', '-preset', 'ultrafast', '-rtmp_flashver', 'test'],
  large: ['-t', '4', '-bf', '0', '-g', '30', '-b:v', '8M', '-preset', 'ultrafast'],
}

const recordings = new Map<RecordingKind, Promise<Recording>>()

/** The recording of a kind; made when first asked for. */
export function recordingOf(kind: RecordingKind): Promise<Recording> {
  const known = recordings.get(kind) ?? record(kind)
  recordings.set(kind, known)
  return known
}

/** ffmpeg's arguments for publishing a test picture to `url`. */
export function publishArguments(kind: RecordingKind, url: string): string[] {
  const encode = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', ...CODECS[kind], '-c:a', 'aac', '-f', 'flv', url]
  return ['ffmpeg', '-v', 'error', '-nostdin', ...SIZES[kind], ...encode]
}

async function record(kind: RecordingKind): Promise<Recording> {
  const session = new RtmpSession()
  const opening: Uint8Array[] = []
  const media: Uint8Array[] = []
  const server = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data(socket, bytes) {
        const copy = new Uint8Array(bytes)
        if (session.state === 'publishing') media.push(copy)
        else opening.push(copy)
        for (const event of session.receive(copy)) {
          if (event.type === 'reply') socket.write(event.bytes)
          if (event.type === 'publish') socket.write(session.accept())
          if (event.type === 'end') socket.end()
        }
      },
    },
  })
  const ffmpeg = Bun.spawn(publishArguments(kind, `rtmp://127.0.0.1:${server.port}/live/key`), {
    stderr: 'pipe',
  })
  await ffmpeg.exited
  server.stop(true)
  return { opening: Buffer.concat(opening), media: Buffer.concat(media) }
}
