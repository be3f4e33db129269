/** Publishes over Enhanced RTMP in real time, which Debian's ffmpeg cannot: a loop of HEVC, AV1, Opus, several sounds. */
import { encodeAmf0 } from '../../media/rtmp/amf0.ts'
import { commandMessage, DATA_AMF0 } from '../../media/rtmp/message.ts'
import { RtmpClient } from '../ingest/rtmp-client.ts'
import { type EnhancedFile, type EnhancedOptions, encodeEnhanced } from './enhanced-file.ts'

export interface EnhancedPublishOptions extends EnhancedOptions {
  /** Stops by itself after so long. */
  readonly seconds?: number
}

/** One running publisher: `await using publisher = await publishEnhanced(url, options)`. */
export interface EnhancedPublisher extends AsyncDisposable {
  /** Resolves when the connection has ended, however it did. */
  readonly ended: Promise<void>
  /** What the server said. */
  readonly statuses: RtmpClient['statuses']
  /** Ends the stream properly, as pressing Stop does. Idempotent. */
  stop(): Promise<void>
  /** The connection is reset, as if the encoder had crashed. */
  kill(): void
}

const MESSAGE_TYPES = { audio: 8, video: 9 } as const

/** `url`: `rtmp://127.0.0.1:PORT/live/KEY`. Resolves when the server has accepted it; rejects when it does not. */
export async function publishEnhanced(
  url: string,
  options: EnhancedPublishOptions,
): Promise<EnhancedPublisher> {
  const { port, pathname, search } = new URL(url.replace(/^rtmp:/, 'http:'))
  const [, app, key = ''] = pathname.split('/')
  const file = await encodeEnhanced(options)
  const client = await RtmpClient.open(Number(port || 1935))
  client.publish(`${key}${search}`, app)
  await client.status('NetStream.Publish.Start')
  const sender = new Sender(client, file, options)
  client.ended.then(() => sender.stop())
  const stop = async () => {
    if (sender.stop()) {
      client.message(commandMessage(0, 'deleteStream', 9, null, 1))
      client.close()
    }
    await client.ended
  }
  if (options.seconds !== undefined) sender.stopped.then(stop)
  return {
    ended: client.ended,
    statuses: client.statuses,
    stop,
    kill: () => {
      sender.stop()
      client.drop()
    },
    [Symbol.asyncDispose]: stop,
  }
}

/** Sends each message when its time has come, round after round. */
class Sender {
  readonly stopped: Promise<void>
  readonly #client: RtmpClient
  readonly #file: EnhancedFile
  readonly #untilMs: number
  readonly #resolveStopped: () => void
  readonly #startedAt = performance.now()
  #sent = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #isStopped = false

  constructor(client: RtmpClient, file: EnhancedFile, options: EnhancedPublishOptions) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.stopped = promise
    this.#resolveStopped = resolve
    this.#client = client
    this.#file = file
    this.#untilMs = (options.seconds ?? Number.POSITIVE_INFINITY) * 1000
    client.message({ typeId: DATA_AMF0, streamId: 0, timestamp: 0, payload: metadata(options) })
    for (const { kind, body } of file.headers)
      client.message({ typeId: MESSAGE_TYPES[kind], streamId: 0, timestamp: 0, payload: body })
    this.#send()
  }

  /** False: it had stopped already. */
  stop(): boolean {
    if (this.#isStopped) return false
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#resolveStopped()
    return true
  }

  #send(): void {
    const { frames, durationMs } = this.#file
    for (;;) {
      const { kind, timestampMs, body } = frames[this.#sent % frames.length]!
      const timestamp = timestampMs + Math.floor(this.#sent / frames.length) * durationMs
      if (timestamp >= this.#untilMs) {
        // Its owner says goodbye.
        this.#resolveStopped()
        return
      }
      const waitMs = timestamp - (performance.now() - this.#startedAt)
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#send(), waitMs)
        return
      }
      this.#client.message({ typeId: MESSAGE_TYPES[kind], streamId: 0, timestamp, payload: body })
      this.#sent++
    }
  }
}

function metadata(options: EnhancedOptions): Uint8Array {
  const { audio, fps = 30, alternateAudio = [] } = options
  const sounds = alternateAudio.map(({ language }, index) => [String(index + 1), { language }] as const)
  return encodeAmf0('@setDataFrame', 'onMetaData', {
    encoder: 'Sluice test encoder',
    framerate: fps,
    videocodecid: 7,
    ...(audio && { audiocodecid: 10 }),
    ...(sounds.length > 0 && { audioTrackIdInfoMap: Object.fromEntries(sounds) }),
  })
}
