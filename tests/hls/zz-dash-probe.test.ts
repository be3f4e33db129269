import { test } from 'bun:test'
import { openBrowser } from '../support/browser.ts'
import { encode } from './encoder.ts'
import { RealTimeStream } from './real-time-stream.ts'
import { serveTestPage } from '../support/test-page.ts'
test('x', async () => {
  const media = await encode({ seconds: 60, size: '320x180', video: ['-bf', '2'] })
  const stream = new RealTimeStream()
  await stream.open('s1'); stream.publish(media)
  await Bun.sleep(9000)
  await using browser = await openBrowser()
  await using tp = await serveTestPage()
  await using page = await browser.newPage(tp.url)
  const url = stream.url.replace('/hls/chan', '/dash/chan/manifest.mpd')
  await page.page.evaluate(`(() => { const v = document.querySelector('video'); window.log = []; for (const e of ['waiting','playing','seeking','seeked','stalled','ratechange']) v.addEventListener(e, () => window.log.push(e + '@' + v.currentTime.toFixed(2) + ' b=' + [...Array(v.buffered.length)].map((_, i) => v.buffered.start(i).toFixed(2) + '-' + v.buffered.end(i).toFixed(2)).join(' ') + ' t=' + (performance.now()/1000).toFixed(1))) })()`)
  await page.page.evaluate(u => window.player.playShaka(u), url)
  for (let i = 0; i < 12; i++) { await Bun.sleep(2000); console.log(JSON.stringify(await page.page.evaluate(`(() => { const v = document.querySelector('video'); return [v.currentTime, v.buffered.length && v.buffered.end(v.buffered.length-1), window.log.splice(0), window.player.shakaState()] })()`)))}
  await stream.close()
}, 80000)
