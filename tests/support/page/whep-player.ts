/** A page's plain WHEP client (draft-ietf-wish-whep-03): it offers, and knows nothing of the server it asks. */

export interface WhepOptions {
  readonly audio?: boolean
  readonly video?: boolean
  /** Milliseconds of buffer asked of the browser for every track; its own choice when left out. */
  readonly jitterBufferTarget?: number
  /** Receives without a <video>: an extra viewer. */
  readonly isExtra?: boolean
}

export interface WhepSession {
  readonly connection: RTCPeerConnection
  readonly status: number
  readonly answer: string
  readonly resource: string | null
  /** performance.now() when the player began. */
  readonly startedAtMs: number
}

const sessions: WhepSession[] = []

/** Plays `url` in the page's <video>. Throws with status and body when the server refuses. */
export async function playWhep(url: string, options: WhepOptions = {}): Promise<WhepSession> {
  const startedAtMs = performance.now()
  const connection = new RTCPeerConnection({ iceServers: [], bundlePolicy: 'max-bundle' })
  if (!options.isExtra) showIn(document.querySelector('video')!, connection, options)
  if (options.video !== false) connection.addTransceiver('video', { direction: 'recvonly' })
  if (options.audio !== false) connection.addTransceiver('audio', { direction: 'recvonly' })
  await connection.setLocalDescription()
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
    body: connection.localDescription!.sdp,
  })
  const answer = await response.text()
  if (response.status !== 201) {
    connection.close()
    throw new Error(`WHEP answered ${response.status}: ${answer.slice(0, 300)}`)
  }
  await connection.setRemoteDescription({ type: 'answer', sdp: answer })
  const location = response.headers.get('location')
  const resource = location ? new URL(location, url).href : null
  const session = { connection, status: response.status, answer, resource, startedAtMs }
  sessions.push(session)
  return session
}

/** Asks for one layer of the latest session's picture, and no better one. Throws when that is refused. */
export async function pinWhepLayer(encodingId: string): Promise<void> {
  const body = JSON.stringify({ encodingId })
  const response = await fetch(`${sessions.at(-1)!.resource}/layer`, { method: 'POST', body })
  if (!response.ok) throw new Error(`the layer was answered ${response.status}: ${await response.text()}`)
}

/** Ends every session as a polite client does: DELETE on its resource. Returns the statuses. */
export async function stopWhep(): Promise<number[]> {
  return Promise.all(
    sessions.splice(0).map(async ({ connection, resource }) => {
      const response = resource ? await fetch(resource, { method: 'DELETE' }) : undefined
      connection.close()
      return response?.status ?? 0
    }),
  )
}

/** Shows what `connection` receives. */
export function showIn(
  video: HTMLVideoElement,
  connection: RTCPeerConnection,
  options: WhepOptions = {},
): void {
  const media = new MediaStream()
  video.srcObject = media
  connection.addEventListener('track', ({ track, receiver }) => {
    media.addTrack(track)
    if (options.jitterBufferTarget !== undefined) receiver.jitterBufferTarget = options.jitterBufferTarget
  })
  // The promise ends only with the first picture, which nobody may wait for here.
  video.play().catch(error => console.error(`play: ${error}`))
}
