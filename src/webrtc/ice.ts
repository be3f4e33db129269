/** One ICE session as an HTTP resource (RFC 9725 4.3), for publishers and viewers: its address, its ETag, its restarts. */
import type { IceCandidate, WebRtcTransport } from 'mediasoup/types'
import { type SentMedia, writeFragment } from './sdp.ts'
import type { Announced } from './session.ts'

export class IceResource {
  /** Unguessable: whoever knows it may change or end the session. */
  readonly id = randomId()
  /** The client's credentials in use, as far as they are known. */
  remoteUfrag: string | undefined
  readonly #transport: WebRtcTransport
  readonly #announced: Announced
  #etag = randomId()

  constructor(transport: WebRtcTransport, announced: Announced) {
    this.#transport = transport
    this.#announced = announced
  }

  /** Strong, changed by a restart (RFC 9725 4.3.1). */
  get etag(): string {
    return `"${this.#etag}"`
  }

  /** Where the server listens on every address, the candidates are those that the client can reach. */
  get candidates(): IceCandidate[] {
    return this.#announced.flatMap((address, index) =>
      this.#transport.iceCandidates.map(candidate => ({
        ...candidate,
        address,
        ip: address,
        foundation: `${candidate.foundation}${index}`,
        priority: candidate.priority - index,
      })),
    )
  }

  /** New credentials, as the client has taken new ones itself: the fragment for it, in the section that bundles all. */
  async restart(iceUfrag: string, section: Pick<SentMedia, 'kind' | 'mid'>): Promise<string> {
    await this.#transport.restartIce()
    this.remoteUfrag = iceUfrag
    this.#etag = randomId()
    return writeFragment(this.#transport, section, this.candidates)
  }
}

function randomId(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(18))).toString('base64url')
}
