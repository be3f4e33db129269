/** Sluice's own player, on its page. */
import type { Browser, ObservedPage } from './browser.ts'

/** Over HLS in a browser that has no WebRTC. */
export async function openPlayerPage(
  browser: Browser,
  address: string,
  protocol: 'webrtc' | 'hls',
): Promise<ObservedPage> {
  const page = await browser.newPage()
  if (protocol === 'hls')
    await page.page.addInitScript(() => Reflect.deleteProperty(window, 'RTCPeerConnection'))
  await page.page.goto(address)
  return page
}
