/** Where things are watched, with the token of who may in every address that needs one. */
import type { Pass } from './tokens.ts'

/** `path` is one of media: `/hls/mira/index.m3u8`. In front of it the token is carried on by relative addresses. */
export function mediaPath(path: string, pass: Pass | undefined): string {
  return pass ? `/t/${pass.token}${path}` : path
}

/** For what leads to nothing else. */
export function withToken(address: string, pass: Pass | undefined): string {
  return pass ? `${address}?token=${pass.token}` : address
}

export function liveAddresses(
  slug: string,
  rtmp: { readonly hostname: string; readonly port: number },
  pass: Pass | undefined,
) {
  return {
    whepUrl: withToken(`/whep/${slug}`, pass),
    hlsUrl: mediaPath(`/hls/${slug}/index.m3u8`, pass),
    dashUrl: mediaPath(`/dash/${slug}/manifest.mpd`, pass),
    flvUrl: mediaPath(`/flv/${slug}.flv`, pass),
    rtmpUrl: withToken(`rtmp://${rtmp.hostname}:${rtmp.port}/live/${slug}`, pass),
    thumbnailUrl: mediaPath(`/thumbnails/${slug}.jpg`, pass),
  }
}

export function vodAddresses(id: string, pass: Pass | undefined) {
  return {
    hlsUrl: mediaPath(`/vod/${id}/index.m3u8`, pass),
    dashUrl: mediaPath(`/vod/${id}/manifest.mpd`, pass),
    downloadUrl: mediaPath(`/vod/${id}/video.mp4?download=1`, pass),
    thumbnailUrl: mediaPath(`/vod/${id}/thumbnail.jpg`, pass),
    storyboardUrl: mediaPath(`/vod/${id}/storyboard.vtt`, pass),
  }
}
