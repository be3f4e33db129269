import { expect, test } from 'bun:test'
import {
  type MediaPlaylist,
  renderMediaPlaylist,
  renderMultivariant,
  skippableSegments,
} from '../../../media/hls/playlist.ts'

const START = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

function segment(sequence: number, changes: Partial<MediaPlaylist['segments'][number]> = {}) {
  return {
    initUri: 'init-0.mp4',
    startsAtMs: START + sequence * 2000,
    isDiscontinuity: false,
    parts: [],
    complete: { uri: `${sequence}.m4s`, durationSeconds: 2 },
    ...changes,
  }
}

const live: MediaPlaylist = {
  targetDurationSeconds: 2,
  partTargetSeconds: 0.335,
  canSkipUntilSeconds: 12,
  mediaSequence: 7,
  discontinuitySequence: 0,
  hasIndependentSegments: true,
  segments: [
    segment(7),
    segment(8, {
      parts: [
        { uri: '8.0.m4s', durationSeconds: 0.33333, isIndependent: true },
        { uri: '8.1.m4s', durationSeconds: 0.1, isIndependent: false },
      ],
      complete: { uri: '8.m4s', durationSeconds: 0.43333 },
    }),
    segment(9, {
      initUri: 'init-1.mp4',
      isDiscontinuity: true,
      parts: [{ uri: '9.0.m4s', durationSeconds: 1 / 3, isIndependent: true }],
      complete: undefined,
    }),
  ],
  preloadHintUri: '9.1.m4s',
  isEnded: false,
}

const liveText = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.005,CAN-SKIP-UNTIL=12
#EXT-X-PART-INF:PART-TARGET=0.335
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:19.678Z
#EXTINF:2.00000,
7.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:21.678Z
#EXT-X-PART:DURATION=0.33333,URI="8.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.10000,URI="8.1.m4s"
#EXTINF:0.43333,
8.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init-1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:23.678Z
#EXT-X-PART:DURATION=0.33333,URI="9.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="9.1.m4s"
`

test('a live playlist', () => {
  expect(renderMediaPlaylist(live)).toBe(liveText)
})

test('an ended playlist after discontinuities, with a segment that no key frame begins', () => {
  const ended: MediaPlaylist = {
    ...live,
    discontinuitySequence: 3,
    hasIndependentSegments: false,
    segments: [segment(7)],
    preloadHintUri: undefined,
    isEnded: true,
  }
  expect(renderMediaPlaylist(ended)).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.005,CAN-SKIP-UNTIL=12
#EXT-X-PART-INF:PART-TARGET=0.335
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:3
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:19.678Z
#EXTINF:2.00000,
7.m4s
#EXT-X-ENDLIST
`)
})

test('a delta update replaces the oldest segments and their tags by EXT-X-SKIP', () => {
  const expected = liveText.replace(
    /#EXT-X-MAP:URI="init-0.mp4"\n.*\n#EXTINF:2.00000,\n7.m4s\n/,
    '#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n',
  )
  expect(renderMediaPlaylist(live, 1)).toBe(expected)
})

test('only what lies before the skip boundary can be skipped', () => {
  const segments = Array.from({ length: 12 }, (_, index) => segment(index))
  expect(skippableSegments({ ...live, segments })).toBe(6)
  const open = segment(12, {
    parts: [{ uri: '12.0.m4s', durationSeconds: 0.3, isIndependent: true }],
    complete: undefined,
  })
  expect(skippableSegments({ ...live, segments: [...segments, open] })).toBe(6)
  expect(skippableSegments({ ...live, segments: segments.slice(0, 6) })).toBe(0)
})

test('a multivariant playlist of a rendition and one of sound alone', () => {
  const text = renderMultivariant(
    [
      {
        uri: 'a/source/playlist.m3u8?viewer=x',
        bandwidthBps: 2_600_000,
        averageBandwidthBps: 2_500_001,
        codecs: ['avc1.64001f', 'mp4a.40.2'],
        resolution: { width: 1280, height: 720 },
        frameRate: 30_000 / 1001,
      },
      {
        uri: 'a/audio/playlist.m3u8',
        bandwidthBps: 128_000,
        averageBandwidthBps: 127_000,
        codecs: ['mp4a.40.2'],
      },
    ],
    true,
  )
  expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=2600000,AVERAGE-BANDWIDTH=2500001,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970
a/source/playlist.m3u8?viewer=x
#EXT-X-STREAM-INF:BANDWIDTH=128000,AVERAGE-BANDWIDTH=127000,CODECS="mp4a.40.2"
a/audio/playlist.m3u8
`)
})
