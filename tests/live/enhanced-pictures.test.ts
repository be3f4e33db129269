import { expect, test } from 'bun:test'
import type { AccessUnit, VideoTrack } from '../../media/access-unit.ts'
import { fragment } from '../../media/mp4/fragment.ts'
import { initSegment } from '../../media/mp4/init-segment.ts'
import { openH264Run } from '../../src/live/h264-run.ts'
import { Transcoder } from '../../src/live/transcoder.ts'
import { createLog } from '../../src/log.ts'
import { enhancedUnits } from '../support/enhanced-file.ts'
import { waitFor } from '../support/wait-for.ts'

const log = createLog('silent')
const SECONDS = 2
/** The first to need it encodes it. */
const LIMIT_MS = 30_000
/** Frames that a decoder may hold back at the end of what it was given. */
const HELD_BACK = 8

async function pictures(video: 'hevc' | 'av1'): Promise<AccessUnit[]> {
  const { units } = await enhancedUnits({ video, audio: 'opus', size: '320x180' })
  return units.filter(unit => unit.track.kind === 'video' && unit.dts < SECONDS * 90_000)
}

for (const [codec, codecString] of [
  ['hevc', /^hvc1\.1\.6\.L\d+\.90$/],
  ['av1', /^av01\.0\.\d\dM\.08$/],
] as const) {
  test(
    `${codec} is read as it was encoded`,
    async () => {
      const units = await pictures(codec)
      const track = units[0]!.track as VideoTrack
      expect(track.codecString).toMatch(codecString)
      expect(track).toMatchObject({ codec, width: 320, height: 180, chroma: '4:2:0', bitDepth: 8 })
      const keys = units.filter(unit => unit.isKey)
      expect(keys.map(unit => Math.round(unit.dts / 9000))).toEqual([0, 10])
      expect(units.some(unit => unit.pts !== unit.dts)).toBe(codec === 'hevc')
    },
    LIMIT_MS,
  )

  test(
    `${codec} becomes H.264 that browsers decode: every picture at its time`,
    async () => {
      const source = await pictures(codec)
      const day = 24 * 3600 * 90_000
      const later = source.map(unit => ({ ...unit, dts: unit.dts + day, pts: unit.pts + day }))
      const units: AccessUnit[] = []
      const transcoder = new Transcoder({
        name: 'h264',
        openRun: () => openH264Run(source[0]!.track as VideoTrack),
        onUnit: unit => units.push(unit),
        log,
      })
      for (const unit of later) transcoder.write(unit)
      await waitFor(() => units.length >= source.length - HELD_BACK, {
        message: 'pictures',
        timeoutMs: 13_000,
      })
      await transcoder.close()
      expect(units[0]).toMatchObject({
        isKey: true,
        track: { codec: 'h264', width: 320, height: 180, chroma: '4:2:0', bitDepth: 8, maxReorderFrames: 0 },
      })
      const presented = later.map(unit => Math.round(unit.pts / 90)).sort((a, b) => a - b)
      expect(units.map(unit => Math.round(unit.pts / 90))).toEqual(presented.slice(0, units.length))
    },
    LIMIT_MS,
  )

  test(
    `${codec} in fragmented MP4 is decoded by ffmpeg, every picture at its time`,
    async () => {
      const units = await pictures(codec)
      const endDts = units.at(-1)!.dts + 3000
      const run = { trackId: 1, kind: 'video', startDts: 0, endDts, samples: units } as const
      const mp4 = Buffer.concat([initSegment([units[0]!.track]), fragment(1, [run])])
      const shown = ['-show_entries', 'stream=codec_name,codec_tag_string:frame=pts', '-of', 'csv=p=0']
      const ffprobe = Bun.spawn(['ffprobe', '-v', 'error', '-f', 'mp4', '-i', 'pipe:0', ...shown], {
        stdin: mp4,
        stderr: 'inherit',
      })
      const lines = (await new Response(ffprobe.stdout).text()).trim().split('\n')
      expect(lines.pop()).toStartWith(codec === 'hevc' ? 'hevc,hvc1' : 'av1,av01')
      const expected = units.map(unit => unit.pts).sort((a, b) => a - b)
      const times = lines.filter(line => /^\d/.test(line)) // x265's own words are a line too
      expect(times.map(line => Number.parseInt(line, 10))).toEqual(expected)
    },
    LIMIT_MS,
  )
}
