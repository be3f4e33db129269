import { beforeAll, expect, test } from 'bun:test'
import { concatBytes } from '../../../media/bytes.ts'
import type { Colour } from '../../../media/colour.ts'
import { fragment } from '../../../media/mp4/fragment.ts'
import { initSegment } from '../../../media/mp4/init-segment.ts'
import { type Encoded, encode } from '../../hls/encoder.ts'
import { HDR10 } from '../hdr.ts'

let encoded: Encoded
beforeAll(async () => {
  encoded = await encode({ seconds: 1, size: '64x36', hasAudio: false, video: ['-tune', 'zerolatency'] })
})

/** What ffprobe says of a track with this colour, whose parameter sets tell none. */
async function probe(colour: Colour | undefined) {
  const { video } = encoded.tracks
  const track = colour ? { ...video, colour } : video
  const samples = encoded.units
  const endDts = samples.at(-1)!.dts + 3000
  const media = fragment(1, [{ trackId: 1, kind: 'video', startDts: samples[0]!.dts, endDts, samples }])
  const args = ['ffprobe', '-v', 'error', '-i', 'pipe:0', '-show_streams', '-of', 'json']
  const ffprobe = Bun.spawn(args, { stdin: concatBytes([initSegment([track]), media]) })
  return JSON.parse(await new Response(ffprobe.stdout).text()).streams[0]
}

test('ffprobe reads all of HDR10', async () => {
  const stream = await probe(HDR10)
  expect(stream).toMatchObject({
    color_range: 'tv',
    color_space: 'bt2020nc',
    color_transfer: 'smpte2084',
    color_primaries: 'bt2020',
  })
  const fraction = (text: string) =>
    text
      .split('/')
      .map(Number)
      .reduce((left, right) => left / right)
  const [display, light] = stream.side_data_list
  const { red, green, blue, white, maxLuminance, minLuminance } = HDR10.mastering!
  expect(display.side_data_type).toBe('Mastering display metadata')
  for (const [name, value] of [
    ['red_x', red.x],
    ['red_y', red.y],
    ['green_x', green.x],
    ['green_y', green.y],
    ['blue_x', blue.x],
    ['blue_y', blue.y],
    ['white_point_x', white.x],
    ['white_point_y', white.y],
    ['max_luminance', maxLuminance],
    ['min_luminance', minLuminance],
  ] as const)
    expect([name, fraction(display[name])]).toEqual([name, value])
  expect(light).toEqual({
    side_data_type: 'Content light level metadata',
    max_content: 1000,
    max_average: 400,
  })
})

test('HLG has code points and nothing else; what tells none has no box', async () => {
  const hlg = await probe({ primaries: 9, transfer: 18, matrix: 9, isFullRange: true })
  expect(hlg).toMatchObject({ color_range: 'pc', color_transfer: 'arib-std-b67', color_primaries: 'bt2020' })
  expect(hlg).not.toHaveProperty('side_data_list')
  expect(await probe(undefined)).not.toHaveProperty('color_transfer')
})
