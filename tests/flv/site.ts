/** One live channel for legacy players: the real outputs and servers on free ports, fed with real media by the test. */
import { Writable } from 'node:stream'
import type { Tracks } from '../../media/access-unit.ts'
import { Flv, type FlvOptions } from '../../src/flv/flv.ts'
import { RtmpServer, type RtmpServerOptions } from '../../src/ingest/rtmp-server.ts'
import { Broadcast } from '../../src/live/broadcast.ts'
import type { Output } from '../../src/live/output.ts'
import { createLog } from '../../src/log.ts'
import { type Encoded, encode } from '../hls/encoder.ts'
import { FakeLive } from '../ingest/fake-live.ts'
import { EVERYBODY } from '../support/everybody.ts'
import { mountMedia } from '../support/mounted-media.ts'

let encoded: Promise<Encoded> | undefined

/** Four seconds of 320x180 with a key picture each second, and sound; encoded once per test run. */
export function media(): Promise<Encoded> {
  encoded ??= encode({ seconds: 4, rate: 25, gop: 25 })
  return encoded
}

export interface SiteOptions {
  readonly flv?: Partial<FlvOptions>
  readonly rtmp?: Partial<RtmpServerOptions>
}

export class Site implements AsyncDisposable {
  readonly flv: Flv
  readonly rtmp: RtmpServer
  readonly live: FakeLive
  readonly logged: string[]
  readonly #http: Bun.Server<undefined>
  #output: Output | undefined
  #broadcast: Broadcast | undefined
  #now = Date.now()

  private constructor(parts: {
    flv: Flv
    rtmp: RtmpServer
    live: FakeLive
    logged: string[]
    http: Bun.Server<undefined>
  }) {
    this.flv = parts.flv
    this.rtmp = parts.rtmp
    this.live = parts.live
    this.logged = parts.logged
    this.#http = parts.http
  }

  static async open(options: SiteOptions = {}): Promise<Site> {
    const logged: string[] = []
    const destination = new Writable({
      write(line, _, done) {
        logged.push(String(line))
        done()
      },
    })
    const log = createLog('debug', destination)
    const flv = new Flv({ admission: EVERYBODY, log, ...options.flv })
    const live = new FakeLive()
    const rtmp = await RtmpServer.open({
      host: '127.0.0.1',
      port: 0,
      live,
      playback: flv,
      admission: EVERYBODY,
      log,
      ...options.rtmp,
    })
    const http = mountMedia(flv.routes).listen()
    return new Site({ flv, rtmp, live, logged, http })
  }

  get httpPort(): number {
    return this.#http.port ?? 0
  }

  /** `path`: a file, with its query. */
  url(path = 'ada.flv'): string {
    return `http://127.0.0.1:${this.httpPort}/flv/${path}`
  }

  get viewerCount(): number {
    return this.#output?.viewerCount ?? 0
  }

  /** The stream of channel `ada` begins. */
  async begin(): Promise<void> {
    this.#output = await this.flv.openOutput({ id: 's1', channelId: 'c1', slug: 'ada' })
  }

  /** A publisher comes to it, the one before having left. */
  async attach(tracks: Tracks): Promise<Broadcast> {
    await this.#broadcast?.close()
    this.#broadcast = new Broadcast({ tracks, log: createLog('silent'), now: () => this.#now })
    this.#broadcast.addSink(this.#output!.attach(this.#broadcast))
    return this.#broadcast
  }

  /** Writes the units of `encoded` from second `from` up to `to` at once, as if each had come at its time. */
  feed(encodedMedia: Encoded, from: number, to: number): void {
    const startedAt = this.#now
    for (const unit of encodedMedia.units) {
      const seconds = unit.dts / unit.track.timescale
      if (seconds < from || seconds >= to) continue
      this.#now = startedAt + (seconds - from) * 1000
      this.#broadcast!.write(unit)
    }
    this.#now = startedAt + (to - from) * 1000
  }

  /** The stream is live and has had this much of `media()`. */
  async goLive(seconds: number): Promise<Encoded> {
    const fed = await media()
    await this.begin()
    await this.attach(fed.tracks)
    this.feed(fed, 0, seconds)
    return fed
  }

  async end(): Promise<void> {
    await this.#broadcast?.close()
    await this.#output?.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
    await this.flv.close()
    await this.rtmp.close()
    await this.#http.stop(true)
  }
}
