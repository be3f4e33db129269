import { expect, test } from 'bun:test'
import { av1Track } from '../../../media/codecs/av1.ts'
import { videoTrack } from '../../../media/codecs/h264.ts'
import { hevcTrack } from '../../../media/codecs/hevc.ts'
import { videoRangeOf } from '../../../media/colour.ts'
import { encodedConfig } from './encoded-config.ts'

const codecs = [
  { name: 'H.264', track: videoTrack, settings: ['-c:v', 'libx264', '-pix_fmt', 'yuv420p'] },
  {
    name: 'HEVC',
    track: hevcTrack,
    settings: ['-c:v', 'libx265', '-pix_fmt', 'yuv420p10le', '-x265-params', 'log-level=0'],
  },
  {
    name: 'AV1',
    track: av1Track,
    settings: ['-c:v', 'libaom-av1', '-usage', 'realtime', '-cpu-used', '8', '-pix_fmt', 'yuv420p10le'],
  },
] as const
const colours = [
  { words: ['bt709', 'bt709', 'bt709', 'tv'], codes: [1, 1, 1, false], range: 'SDR' },
  { words: ['bt2020', 'smpte2084', 'bt2020nc', 'tv'], codes: [9, 16, 9, false], range: 'PQ' },
  { words: ['bt2020', 'arib-std-b67', 'bt2020nc', 'pc'], codes: [9, 18, 9, true], range: 'HLG' },
  { words: [], codes: undefined, range: 'SDR' },
] as const

const cases = codecs.flatMap(codec =>
  colours.map(colour => ({ ...codec, ...colour, label: colour.words.join(' ') || 'nothing' })),
)

test.each(cases)('$name says $label', async ({ track, settings, words, codes, range }) => {
  const [primaries, transfer, matrix, levels] = words
  const options = primaries
    ? [
        '-color_primaries',
        primaries,
        '-color_trc',
        transfer!,
        '-colorspace',
        matrix!,
        '-color_range',
        levels!,
      ]
    : []
  const { colour } = track(await encodedConfig('160x90', [...settings, ...options]))
  expect(colour && [colour.primaries, colour.transfer, colour.matrix, colour.isFullRange]).toEqual(
    codes as never,
  )
  expect(videoRangeOf(colour)).toBe(range)
})
