import { describe, expect, test } from 'bun:test'
import { checkChange, readVersion } from './playlist-versions.ts'

const HEADER = '#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:4\n'
const DISCONTINUITY = '#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="init-1.mp4"\n'
const part = (sequence: number, index: number) => `#EXT-X-PART:DURATION=0.5,URI="${sequence}.${index}.m4s"\n`
const segment = (sequence: number, parts = '') =>
  `#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:0${sequence}.000Z\n${parts}#EXTINF:2.0,\n${sequence}.m4s\n`
const FOOTER = '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="7.1.m4s"\n'
const open = '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:07.000Z\n'
const BEFORE = `${HEADER}#EXT-X-MAP:URI="init-0.mp4"\n${segment(4)}${DISCONTINUITY}${segment(5, part(5, 0))}${segment(6, part(6, 0))}${open}${part(7, 0)}${FOOTER}`

const change = (find: string, replacement: string) => {
  expect(BEFORE).toContain(find)
  return BEFORE.replace(find, replacement)
}
const MOVED = change('SEQUENCE:4\n', 'SEQUENCE:5\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n').replace(
  `#EXT-X-MAP:URI="init-0.mp4"\n${segment(4)}`,
  '',
)

describe('a change of a playlist', () => {
  test.each([
    ['none', BEFORE],
    ['one part more', change(FOOTER, part(7, 1))],
    ['the end of a segment', change(FOOTER, '#EXTINF:2.0,\n7.m4s\n#EXT-X-ENDLIST\n')],
    ['parts that are old', change(part(5, 0), '')],
    ['a segment less in front', MOVED],
  ])('%s is allowed', (_, after) => checkChange(readVersion(BEFORE), readVersion(after)))

  test.each([
    ['another target duration', change('TARGETDURATION:2', 'TARGETDURATION:3')],
    ['another duration', change('#EXTINF:2.0,\n5', '#EXTINF:2.1,\n5')],
    ['another date', change('00:05.000Z', '00:05.001Z')],
    ['another init segment', change('init-1', 'init-2')],
    ['a gap afterwards', change('#EXTINF:2.0,\n6', '#EXT-X-GAP\n#EXTINF:2.0,\n6')],
    ['a discontinuity that is gone', change('#EXT-X-DISCONTINUITY\n', '')],
    ['a part that is gone', change(part(7, 0), '#EXTINF:2.0,\n7.m4s\n')],
    ['another part', change(part(6, 0), part(6, 3))],
    ['parts that go out of order', change(part(6, 0), '')],
    ['a segment less without its number', change(`#EXT-X-MAP:URI="init-0.mp4"\n${segment(4)}`, '')],
    ['a lower number', change('SEQUENCE:4', 'SEQUENCE:3')],
    [
      'a discontinuity less without its number',
      MOVED.replace('SEQUENCE:5', 'SEQUENCE:6').replace(
        DISCONTINUITY + segment(5, part(5, 0)),
        '#EXT-X-MAP:URI="init-1.mp4"\n',
      ),
    ],
  ])('%s is found', (_, after) => {
    expect(() => checkChange(readVersion(BEFORE), readVersion(after))).toThrow()
  })
})
