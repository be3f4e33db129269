/** Pictures are encoded again in the codec that they had, whatever that is: as many, at the same times, decodable. */
import { expect, test } from 'bun:test'
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import { concatBytes } from '../../media/bytes.ts'
import { FlvDepacketizer } from '../../media/flv/depacketizer.ts'
import { initSegment } from '../../media/mp4/init-segment.ts'
import { encodeEdge } from '../../src/clips/edge-encoder.ts'
import { type CutSample, writeSegment } from '../../src/clips/segment-cut.ts'
import { encodeEnhanced } from '../support/enhanced-file.ts'
import { decodeFile, indexesIn } from './pictures.ts'

const FRAME = 3_000
const never = new AbortController().signal

/** Two seconds from a key frame on. */
async function pictures(video: 'h264' | 'hevc' | 'av1') {
  const { headers, frames } = await encodeEnhanced({ video, audio: undefined, size: '320x180', gop: 60 })
  const depacketizer = new FlvDepacketizer()
  let track: VideoTrack | undefined
  const units: AccessUnit[] = []
  for (const { kind, timestampMs, body } of [...headers, ...frames.slice(0, 60)])
    for (const event of depacketizer.push(kind, timestampMs, body)) {
      if (event.type === 'track' && event.track.kind === 'video') track = event.track
      if (event.type === 'unit') units.push(event.unit)
    }
  const samples = units.map(({ dts, pts, isKey, data }, index): CutSample => {
    const duration = (units[index + 1]?.dts ?? dts + FRAME) - dts
    return { dts, pts, isKey, data, duration }
  })
  return { init: new Uint8Array(initSegment([track!])), samples, codec: video }
}

test.each(['h264', 'hevc', 'av1'] as const)(
  '%s',
  async codec => {
    const { init, samples } = await pictures(codec)
    const times = samples.map(sample => sample.pts).toSorted((left, right) => left - right)
    const shown = times.slice(20, 50)
    const edge = await encodeEdge({ codec, init, samples, shown, endPts: shown.at(-1)! + FRAME }, never)
    expect(edge.samples.map(sample => sample.pts)).toEqual(shown)
    expect(edge.samples[0]!.isKey).toBe(true)
    expect(edge.track).toMatchObject({ codec, width: 320, height: 180 })
    const whole = await decodeFile(concatBytes([init, writeSegment('video', 0, samples)]))
    const again = await decodeFile(concatBytes([edge.init, writeSegment('video', 0, edge.samples)]))
    expect(indexesIn(whole.pictures, again.pictures)).toEqual(shown.map((_, index) => index + 20))
  },
  30_000,
)

test('what is no picture is an error with the words of ffmpeg; who gives up does not wait for it', async () => {
  const { init, samples, codec } = await pictures('h264')
  const broken = samples.map(sample => ({ ...sample, data: new Uint8Array(50).fill(7) }))
  const shown = samples.map(sample => sample.pts).toSorted((left, right) => left - right)
  const request = { codec, init, samples: broken, shown, endPts: shown.at(-1)! + FRAME }
  await expect(encodeEdge(request, never)).rejects.toThrow(/ffmpeg|init segment/)
  const giving = new AbortController()
  const encoding = encodeEdge({ ...request, samples }, giving.signal)
  giving.abort(new Error('given up'))
  await expect(encoding).rejects.toThrow('given up')
}, 20_000)
