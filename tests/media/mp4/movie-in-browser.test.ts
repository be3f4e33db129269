/** A browser plays a movie made of segments as it comes over HTTP, over a change of size and sound, and seeks in it. */
import { expect, test } from 'bun:test'
import { encode } from '../../hls/encoder.ts'
import { Stream } from '../../hls/packaging.ts'
import { openBrowser } from '../../support/browser.ts'
import { movieOf, readMovie } from './stored.ts'

const FOUR_TIMES = 4

/** The page's own account of what it played. */
interface Played {
  readonly duration: number
  readonly endedAt: number
  readonly widths: readonly number[]
  readonly seekedTo: number
  readonly seekedWidth: number
  readonly error: string
}

test('Chromium plays it to its end and seeks behind the change', async () => {
  const stream = new Stream()
  for (const { tracks, units } of [
    await encode({ seconds: 6, video: ['-bf', '2'] }),
    await encode({ seconds: 6, size: '426x240', sampleRate: 44_100 }),
  ]) {
    const packager = stream.attach(tracks)
    for (const unit of units) packager.write(unit)
    await packager.close()
  }
  const file = new Uint8Array(readMovie(movieOf(stream, ['source', 'audio'])))
  using server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: request => serve(request, file) })
  await using browser = await openBrowser()
  const observed = await browser.newPage(`http://127.0.0.1:${server.port}/`)
  const played = (await observed.page.evaluate(`(${PLAY})(${FOUR_TIMES})`)) as Played
  expect(played.error).toBe('')
  expect(played.duration).toBeCloseTo(12, 1)
  expect(played.endedAt).toBeCloseTo(played.duration, 1)
  // Before the first picture it knows the size of the last sample entry.
  expect(played.widths.slice(-2)).toEqual([320, 426])
  expect(played).toMatchObject({ seekedTo: 8, seekedWidth: 426 })
}, 60_000)

const PLAY = `async rate => {
  const video = document.querySelector('video')
  const widths = []
  const note = () => video.videoWidth && widths.at(-1) !== video.videoWidth && widths.push(video.videoWidth)
  const happens = name => new Promise((resolve, reject) => {
    video.addEventListener(name, resolve, { once: true })
    video.addEventListener('error', () => reject(new Error(video.error?.message)), { once: true })
  })
  try {
    video.addEventListener('resize', note)
    const ended = happens('ended')
    video.src = '/movie.mp4'
    video.muted = true
    video.playbackRate = rate
    await video.play()
    await ended
    const played = { duration: video.duration, endedAt: video.currentTime, widths: [...widths], error: '' }
    const seeked = happens('seeked')
    video.currentTime = 8
    await seeked
    return { ...played, seekedTo: video.currentTime, seekedWidth: video.videoWidth }
  } catch (error) {
    return { error: String(error) }
  }
}`

function serve(request: Request, file: Uint8Array<ArrayBuffer>): Response {
  if (!request.url.endsWith('.mp4'))
    return new Response('<video></video>', { headers: { 'content-type': 'text/html' } })
  const [, from = '0', to] = /bytes=(\d+)-(\d*)/.exec(request.headers.get('range') ?? '') ?? []
  const start = Number(from)
  const end = to ? Number(to) + 1 : file.byteLength
  return new Response(file.slice(start, end), {
    status: 206,
    headers: {
      'content-type': 'video/mp4',
      'accept-ranges': 'bytes',
      'content-range': `bytes ${start}-${end - 1}/${file.byteLength}`,
    },
  })
}
