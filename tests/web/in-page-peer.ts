/** A WHEP server inside the page that plays: the other end of the connection is in the same tab. */

/**
 * For a page's start: answers WHEP requests with a peer connection in the same page that sends a moving picture and a
 * tone. `window.whep` keeps the sessions; `kill()` on one is a media worker that died.
 */
export function servePeerInPage(): void {
  const realFetch = window.fetch
  const sessions = new Map<string, { kill(): void; connection: RTCPeerConnection }>()
  Object.assign(window, { whep: sessions })
  const media = () => {
    const canvas = document.createElement('canvas')
    canvas.width = 640
    canvas.height = 360
    const context = canvas.getContext('2d')!
    let frame = 0
    setInterval(() => {
      context.fillStyle = `hsl(${190 + (frame % 40)} 60% 35%)`
      context.fillRect(0, 0, 640, 360)
      context.fillStyle = '#fff'
      context.font = '48px sans-serif'
      context.fillText(`frame ${frame++}`, 40, 190)
    }, 40)
    const audio = new AudioContext()
    const destination = audio.createMediaStreamDestination()
    const tone = audio.createOscillator()
    tone.connect(destination)
    tone.start()
    return [...canvas.captureStream(25).getTracks(), ...destination.stream.getTracks()]
  }
  const start = async () => {
    const connection = new RTCPeerConnection()
    const local = new MediaStream()
    for (const track of media()) connection.addTrack(track, local)
    await connection.setLocalDescription(await connection.createOffer())
    await new Promise<void>(resolve => {
      if (connection.iceGatheringState === 'complete') return resolve()
      connection.onicegatheringstatechange = () => connection.iceGatheringState === 'complete' && resolve()
    })
    const path = `/whep/ada/${crypto.randomUUID()}`
    const kill = () => {
      connection.close()
      sessions.delete(path)
    }
    sessions.set(path, { connection, kill })
    const headers = { location: path, 'content-type': 'application/sdp' }
    return new Response(connection.localDescription!.sdp, { status: 201, headers })
  }
  window.fetch = Object.assign(async (input: RequestInfo | URL, init: RequestInit = {}) => {
    const url = new URL(String(input), location.href)
    if (!url.pathname.startsWith('/whep/')) return realFetch(input, init)
    if (init.method === 'POST') return start()
    const session = sessions.get(url.pathname)
    if (!session) return new Response(null, { status: 404 })
    if (init.method === 'PATCH')
      await session.connection.setRemoteDescription({ type: 'answer', sdp: String(init.body) })
    if (init.method === 'DELETE') session.kill()
    return new Response(null, { status: 204 })
  }, realFetch)
}
