/** The script of the test page: everything a test may ask it to play. */
import { hlsState, pinHlsHeight, playHls } from './hls-player.ts'
import { playJanus } from './janus-player.ts'
import { pinShakaHeight, playShaka, shakaState } from './shaka-player.ts'
import { ownVodState, playOwnVod, playVod, seekOwnVod, seekVod } from './vod-player.ts'
import { pinWhepLayer, playWhep, stopWhep } from './whep-player.ts'

const player = {
  ...{ playWhep, stopWhep, pinWhepLayer },
  ...{ playHls, hlsState, pinHlsHeight },
  ...{ playShaka, shakaState, pinShakaHeight },
  ...{ playVod, seekVod },
  ...{ playOwnVod, ownVodState, seekOwnVod },
  playJanus,
}

declare global {
  interface Window {
    player: typeof player
  }
}

window.player = player
