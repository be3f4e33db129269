import { expect, test } from 'bun:test'
import type { Track } from '../../../media/access-unit.ts'
import { av1Track } from '../../../media/codecs/av1.ts'
import { videoTrack } from '../../../media/codecs/h264.ts'
import { hevcTrack } from '../../../media/codecs/hevc.ts'
import { opusTrack } from '../../../media/codecs/opus.ts'
import { matroskaHeader, matroskaUnit } from '../../../media/matroska/stream.ts'
import { audio } from '../../live/tracks.ts'
import { AV1, CONFIG, HEVC, OPUS } from '../flv/configs.ts'

async function probe(bytes: Uint8Array, entries: string): Promise<string[]> {
  const shown = ['-show_entries', entries, '-of', 'csv=p=0']
  const input = ['-f', 'matroska', '-i', 'pipe:0']
  const ffprobe = Bun.spawn(['ffprobe', '-v', 'fatal', ...shown, ...input], { stdin: bytes })
  return (await new Response(ffprobe.stdout).text()).trim().split('\n')
}

test.each<[Track, string]>([
  [videoTrack(CONFIG), 'h264,320,180,1000'],
  [hevcTrack(HEVC), 'hevc,640,360,1000'],
  [av1Track(AV1), 'av1,640,360,1000'],
  [audio, 'aac,48000,2,1000'],
  [opusTrack(OPUS, 960), 'opus,48000,2,1000'],
  [opusTrack(new Uint8Array(0), 960), 'opus,48000,2,1000'],
])('a track is told with its configuration: %#', async (track, expected) => {
  const unit = matroskaUnit({ isKey: true, data: Uint8Array.of(0xfc, 1, 2) }, 0)
  const fields = 'stream=codec_name,width,height,sample_rate,channels,time_base'
  const [line] = await probe(Buffer.concat([matroskaHeader(track), unit]), fields)
  expect(line!.replace('1/', '')).toBe(expected)
})

test('units keep their bytes, key flags and times, also after two months', async () => {
  const times = [0, 21, 43, 70_000, 2 ** 32 - 1, 2 ** 32 + 20]
  const sizes = [1, 126, 127, 128, 16_383, 3_000_000]
  const units = times.map((ms, index) =>
    matroskaUnit({ isKey: index % 2 === 0, data: new Uint8Array(sizes[index]!).fill(index) }, ms),
  )
  const lines = await probe(
    Buffer.concat([matroskaHeader(hevcTrack(HEVC)), ...units]),
    'packet=pts,size,flags',
  )
  const expected = times.map((ms, index) => `${ms},${sizes[index]},${index % 2 === 0 ? 'K_' : '__'}`)
  expect(lines).toEqual(expected)
})
