/** A live channel behind a real server, with a ladder and two sounds, for tests that speak HTTP. */
import { expect } from 'bun:test'
import type { HlsStream } from '../../src/hls/stream.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Encoded, encode } from './encoder.ts'
import { asRung, asSound, inOrderOfArrival } from './ladder.ts'
import { LiveChannel } from './live-channel.ts'
import { readVersion, type Version } from './playlist-versions.ts'

/** What a publisher sends: a picture with B-frames, a smaller one that comes later, and two sounds. */
export async function encodeRich(seconds: number): Promise<Encoded> {
  const [source, small] = await Promise.all([
    encode({ seconds, size: '64x36', video: ['-bf', '2'] }),
    encode({ seconds, size: '32x18', video: ['-tune', 'zerolatency'] }),
  ])
  const german = asSound(source, { trackId: 2, language: 'de' })
  const lanes = [
    { units: source.units },
    { units: german.units },
    { units: asRung(small, '90p', source), lateSeconds: 0.4 },
  ]
  return {
    tracks: { ...source.tracks, alternateAudio: [german.track] },
    units: inOrderOfArrival(...lanes),
  }
}

/** A live channel behind a real server. */
export class Site implements AsyncDisposable {
  readonly channel: LiveChannel
  readonly #server: Bun.Server<undefined>

  constructor(channel: LiveChannel) {
    this.channel = channel
    this.#server = channel.mounted.listen({ idleTimeout: 2 })
  }

  /** `path` below `/hls/chan/`. */
  fetch(path: string, init?: RequestInit & { decompress?: boolean }): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#server.port}/hls/chan/${path}`, init)
  }

  async text(path: string): Promise<string> {
    const response = await this.fetch(path)
    expect([path, response.status]).toEqual([path, 200])
    return response.text()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.channel.hls.close()
    await this.#server.stop(true)
  }
}

/** A stream whose publisher has sent so much. */
export class Live extends Site {
  readonly stream: HlsStream

  constructor(channel: LiveChannel, stream: HlsStream) {
    super(channel)
    this.stream = stream
  }

  static async open(encoded: Encoded, seconds: number): Promise<Live> {
    const channel = new LiveChannel()
    const stream = (await channel.open('s1')) as HlsStream
    await channel.attach(encoded)
    if (encoded.tracks.alternateAudio) channel.setRungs('90p')
    channel.feed(seconds)
    return new Live(channel, stream)
  }

  playlist(rendition: string, query = ''): string {
    return `s1/${rendition}/playlist.m3u8${query}`
  }

  async version(rendition: string, query = ''): Promise<Version> {
    return readVersion(await this.text(this.playlist(rendition, query)))
  }

  /** Asks for `path` and resolves when the server holds the request; fails when it answers at once. */
  async held(
    rendition: string,
    path: string,
  ): Promise<{ response: Promise<Response>; isAnswered: () => boolean }> {
    const { heldRequests } = this.stream.findRendition(rendition)!
    let isAnswered = false
    const response = this.fetch(path).finally(() => {
      isAnswered = true
    })
    await waitFor(() => this.stream.findRendition(rendition)!.heldRequests > heldRequests, {
      message: `${path} to be held`,
      intervalMs: 2,
    })
    return { response, isAnswered: () => isAnswered }
  }
}

/** The segment that is growing and how many parts it has. */
export function growing({ segments }: Version): { sequence: number; parts: number } {
  const { sequence, parts, uri } = segments.at(-1)!
  return uri === undefined ? { sequence, parts: parts.length } : { sequence: sequence + 1, parts: 0 }
}

export function hasPart({ segments }: Version, sequence: number, part: number): boolean {
  return segments.some(each => each.sequence === sequence && each.parts.length > part)
}
