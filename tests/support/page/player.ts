/** The script of the test page: everything a test may ask it to play. */
import { hlsState, playHls } from './hls-player.ts'
import { playJanus } from './janus-player.ts'
import { pinShakaHeight, playShaka, shakaState } from './shaka-player.ts'
import { playWhep, stopWhep } from './whep-player.ts'

const player = { playWhep, stopWhep, playHls, hlsState, playJanus, playShaka, shakaState, pinShakaHeight }

declare global {
  interface Window {
    player: typeof player
  }
}

window.player = player
