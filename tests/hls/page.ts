/** The script of the test's page: hls.js in low-latency mode on its <video>, open to the test. */
import Hls from 'hls.js'

declare global {
  interface Window {
    hls: Hls
    /** In the order in which they came: fatal ones begin with `fatal`. */
    hlsErrors: string[]
    play(url: string): void
  }
}

window.hlsErrors = []
window.play = url => {
  const hls = new Hls({ lowLatencyMode: true, liveDurationInfinity: true, maxLiveSyncPlaybackRate: 1.1 })
  window.hls = hls
  hls.on(Hls.Events.ERROR, (_, { fatal, details }) => {
    window.hlsErrors.push(`${fatal ? 'fatal ' : ''}${details}`)
  })
  const video = document.querySelector('video')!
  hls.attachMedia(video)
  hls.loadSource(url)
  video.play().catch(error => console.error(`play: ${error}`))
}
