/** A page's hls.js with a video that is not live: until its first picture, and to any other; and Sluice's own player. */
import Hls from 'hls.js'
import { createVodPlayer, type VodPlayer } from '../../../src/client/vod/vod-player.ts'
import type { VodPlayerState } from '../../../src/client/vod/vod-state.ts'

/** The picture of a moment may begin before it, by its own length; hls.js leaves out what is shorter than its own tolerance. */
const TOLERANCE_SECONDS = 0.15

/** Plays `url` in the page's <video>; resolves with the milliseconds until its first picture. */
export async function playVod(url: string): Promise<number> {
  const startedAtMs = performance.now()
  const hls = new Hls()
  const video = document.querySelector('video')!
  const { promise: failed, reject } = Promise.withResolvers<never>()
  hls.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && reject(new Error(details)))
  hls.attachMedia(video)
  hls.loadSource(url)
  video.play().catch(reject)
  return (await Promise.race([nextPicture(video, () => true), failed])) - startedAtMs
}

/** Of the video that plays; resolves with the milliseconds until the picture of that moment is shown. */
export async function seekVod(seconds: number): Promise<number> {
  const video = document.querySelector('video')!
  const startedAtMs = performance.now()
  const shown = nextPicture(video, mediaTime => Math.abs(mediaTime - seconds) <= TOLERANCE_SECONDS)
  video.currentTime = seconds
  return (await shown) - startedAtMs
}

let own: VodPlayer | undefined

/** Plays `url` in Sluice's own player, which takes the place of the page's <video>. */
export function playOwnVod(url: string): void {
  document.querySelector('video')?.remove()
  own = createVodPlayer({ container: document.body, url })
}

export function ownVodState(): VodPlayerState | undefined {
  return own?.state
}

export function seekOwnVod(positionMs: number): void {
  own!.seek(positionMs)
}

/** When the compositor gets a picture that is wanted. */
function nextPicture(video: HTMLVideoElement, isWanted: (mediaTime: number) => boolean): Promise<number> {
  return new Promise(resolve => {
    const look = () =>
      video.requestVideoFrameCallback((_, { mediaTime }) =>
        isWanted(mediaTime) ? resolve(performance.now()) : look(),
      )
    look()
  })
}
