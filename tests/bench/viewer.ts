/** Opens one viewer of a stream, in whichever way. */
import type { ObservedPage } from '../support/browser.ts'
import type { WhepOptions } from '../support/page/whep-player.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Way } from './measures.ts'
import type { Run } from './run.ts'
import type { StreamAddresses } from './systems/system.ts'

export const SOURCE_WIDTH = 1280
const START_MS = 20_000

/** The ways in which a browser can watch these addresses. */
export function browserWays(stream: StreamAddresses): Exclude<Way, 'ffmpeg'>[] {
  const hasWebrtc = Boolean(stream.whep ?? stream.janus)
  return [
    ...(hasWebrtc ? (['video', 'webrtc'] as const) : []),
    ...(stream.playerPage ? (['player'] as const) : []),
    ...(stream.hls ? (['hls'] as const) : []),
  ]
}

/**
 * Opens a page that watches, and resolves when it was told to. `at` may delay that moment, once all is prepared.
 * `startedAtMs`: that moment on the page's clock; a page with its own player starts with its navigation.
 */
export async function openViewer(
  run: Run,
  stream: StreamAddresses,
  way: Exclude<Way, 'ffmpeg'>,
  {
    at = async () => {},
    sourceWidth = SOURCE_WIDTH,
  }: { at?: () => Promise<void>; sourceWidth?: number } = {},
): Promise<{ page: ObservedPage; startedAtMs: number }> {
  if (way === 'player') {
    const page = await run.browser.newPage()
    await at()
    await page.page.goto(stream.playerPage!, { waitUntil: 'commit' })
    await page.startClock(sourceWidth)
    return { page, startedAtMs: 0 }
  }
  const page = await run.browser.newPage(run.testPageUrl)
  await page.startClock(sourceWidth)
  await at()
  const startedAtMs = await waitFor(() => play(page, stream, way), {
    timeoutMs: START_MS,
    intervalMs: 250,
    message: `${run.system.name} to accept a viewer`,
  })
  return { page, startedAtMs }
}

/** Adds a viewer to a page that watches over WebRTC: it receives and decodes, and shows nothing. */
export async function addViewer(page: ObservedPage, stream: StreamAddresses): Promise<void> {
  await play(page, stream, 'webrtc', { isExtra: true })
}

function play(
  page: ObservedPage,
  stream: StreamAddresses,
  way: Way,
  options: WhepOptions = {},
): Promise<number> {
  const order = { ...stream, way, options: { ...options, audio: way !== 'video' } }
  return page.page.evaluate(async ({ whep, janus, hls, way, options }) => {
    const startedAtMs = performance.now()
    if (way === 'hls') window.player.playHls(hls!)
    else if (whep) await window.player.playWhep(whep, options)
    else await window.player.playJanus(janus!.url, janus!.mountPoint, options)
    return startedAtMs
  }, order)
}
