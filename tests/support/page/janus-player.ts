/** A page's client of Janus' streaming plugin: the server offers, over its HTTP long-poll interface. */
import { showIn, type WhepOptions } from './whep-player.ts'

const GATHERING_MS = 1_000

interface JanusReply {
  readonly janus: string
  readonly sender?: number
  readonly data?: { readonly id: number }
  readonly error?: { readonly reason: string }
  readonly jsep?: RTCSessionDescriptionInit
}

/** One session and one long poll for all viewers of the page: a browser opens six connections to a host. */
class JanusSession {
  readonly url: string
  readonly #onOffer = new Map<number, (offer: RTCSessionDescriptionInit) => void>()

  private constructor(url: string) {
    this.url = url
    this.#poll()
  }

  static async open(base: string): Promise<JanusSession> {
    const { data } = await post(base, { janus: 'create' })
    return new JanusSession(`${base}/${data!.id}`)
  }

  onOffer(handle: number, listener: (offer: RTCSessionDescriptionInit) => void): void {
    this.#onOffer.set(handle, listener)
  }

  async #poll(): Promise<void> {
    for (;;) {
      const event: JanusReply = await (await fetch(`${this.url}?maxev=1`)).json()
      if (event.janus === 'hangup') console.error(`Janus hung up: ${JSON.stringify(event)}`)
      if (event.sender && event.jsep) this.#onOffer.get(event.sender)?.(event.jsep)
    }
  }
}

const sessions = new Map<string, Promise<JanusSession>>()

/** Plays mount point `mountPoint` of the Janus at `base` (`http://host:port/janus`). */
export async function playJanus(base: string, mountPoint: number, options: WhepOptions = {}): Promise<void> {
  if (!sessions.has(base)) sessions.set(base, JanusSession.open(base))
  const session = await sessions.get(base)!
  const { data } = await post(session.url, { janus: 'attach', plugin: 'janus.plugin.streaming' })
  const handle = `${session.url}/${data!.id}`
  const connection = new RTCPeerConnection({ iceServers: [], bundlePolicy: 'max-bundle' })
  if (!options.isExtra) showIn(document.querySelector('video')!, connection, options)
  session.onOffer(data!.id, offer => {
    answer(connection, offer, handle).catch(error => console.error(`Janus: ${error}`))
  })
  const tracks = { offer_video: options.video !== false, offer_audio: options.audio !== false }
  await post(handle, { janus: 'message', body: { request: 'watch', id: mountPoint, ...tracks } })
}

async function answer(
  connection: RTCPeerConnection,
  offer: RTCSessionDescriptionInit,
  handle: string,
): Promise<void> {
  await connection.setRemoteDescription(offer)
  await connection.setLocalDescription()
  await gathered(connection)
  const jsep = { type: 'answer', sdp: connection.localDescription!.sdp }
  await post(handle, { janus: 'message', body: { request: 'start' }, jsep })
}

async function post(url: string, body: object): Promise<JanusReply> {
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify({ transaction: crypto.randomUUID(), ...body }),
  })
  const reply: JanusReply = await response.json()
  if (reply.janus === 'error') throw new Error(`Janus: ${reply.error?.reason}`)
  return reply
}

/** Janus takes an answer with its candidates inside; loopback needs no more than a second to find them. */
function gathered(connection: RTCPeerConnection): Promise<void> {
  return new Promise(resolve => {
    const look = () => connection.iceGatheringState === 'complete' && resolve()
    connection.addEventListener('icegatheringstatechange', look)
    setTimeout(resolve, GATHERING_MS)
    look()
  })
}
