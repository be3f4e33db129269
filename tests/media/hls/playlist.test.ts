import { expect, test } from 'bun:test'
import {
  type PlaylistHeader,
  type PlaylistSegment,
  renderFooter,
  renderHeader,
  renderMultivariant,
  renderSegment,
  renderVod,
  skippableSegments,
} from '../../../media/hls/playlist.ts'

const START = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

function segment(sequence: number, changes: Partial<PlaylistSegment> = {}): PlaylistSegment {
  return {
    initUri: 'init-0.mp4',
    startsAtMs: START + sequence * 2000,
    isDiscontinuity: false,
    parts: [],
    complete: { uri: `${sequence}.m4s`, durationSeconds: 2, isGap: false },
    ...changes,
  }
}

const header: PlaylistHeader = {
  targetDurationSeconds: 2,
  partTargetSeconds: 0.335,
  canSkipUntilSeconds: 12,
  mediaSequence: 7,
  discontinuitySequence: 0,
  skippedSegments: 0,
}

test('the header of a playlist, of a later one, and of a delta update', () => {
  expect(renderHeader(header)).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=6,PART-HOLD-BACK=1.005,CAN-SKIP-UNTIL=12
#EXT-X-PART-INF:PART-TARGET=0.335
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:0
`)
  const later = { ...header, discontinuitySequence: 3, skippedSegments: 4 }
  expect(renderHeader(later)).toEndWith(`#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:3
#EXT-X-SKIP:SKIPPED-SEGMENTS=4
`)
})

test('segments: complete, with parts, growing after a discontinuity, and gaps', () => {
  const parts = [
    { uri: '8.0.m4s', durationSeconds: 0.33333, isIndependent: true, isGap: false },
    { uri: '8.1.m4s', durationSeconds: 0.1, isIndependent: false, isGap: true },
  ]
  const lines = [
    renderSegment(segment(7), undefined),
    renderSegment(
      segment(8, { parts, complete: { uri: '8.m4s', durationSeconds: 0.43333, isGap: false } }),
      'init-0.mp4',
    ),
    renderSegment(segment(9, { complete: { uri: '9.m4s', durationSeconds: 2, isGap: true } }), 'init-0.mp4'),
    renderSegment(segment(10, { initUri: undefined }), 'init-0.mp4'),
    renderSegment(
      segment(11, {
        initUri: 'init-1.mp4',
        isDiscontinuity: true,
        parts: [{ uri: '11.0.m4s', durationSeconds: 1 / 3, isIndependent: true, isGap: false }],
        complete: undefined,
      }),
      'init-0.mp4',
    ),
  ]
  expect(lines.join('')).toBe(`#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:19.678Z
#EXTINF:2.000000001,
7.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:21.678Z
#EXT-X-PART:DURATION=0.333330001,URI="8.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.100000001,URI="8.1.m4s",GAP=YES
#EXTINF:0.433330001,
8.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:23.678Z
#EXT-X-GAP
#EXTINF:2.000000001,
9.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:25.678Z
#EXTINF:2.000000001,
10.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init-1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:27.678Z
#EXT-X-PART:DURATION=0.333333334,URI="11.0.m4s",INDEPENDENT=YES
`)
})

test('the end of a live playlist and of an ended one', () => {
  const reports = [{ uri: '../audio/playlist.m3u8', lastSequence: 9, lastPart: 0 }]
  expect(
    renderFooter({ preloadHintUri: '9.1.m4s', reports, isEnded: false }),
  ).toBe(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="9.1.m4s"
#EXT-X-RENDITION-REPORT:URI="../audio/playlist.m3u8",LAST-MSN=9,LAST-PART=0
`)
  expect(renderFooter({ preloadHintUri: undefined, reports: [], isEnded: true })).toBe('#EXT-X-ENDLIST\n')
})

test('a playlist that does not change: gaps, a discontinuity with another init segment, and its end', () => {
  const text = renderVod({
    ...{ targetDurationSeconds: 2, mediaSequence: 6, discontinuitySequence: 0, hasIndependentSegments: true },
    segments: [
      segment(6, { initUri: undefined, complete: { uri: '6.m4s', durationSeconds: 2, isGap: true } }),
      segment(7),
      segment(8),
      segment(9, { initUri: 'init-1.mp4', isDiscontinuity: true }),
      segment(10, { initUri: undefined, complete: { uri: '10.m4s', durationSeconds: 2, isGap: true } }),
      segment(11, { initUri: 'init-1.mp4' }),
    ],
  })
  expect(text.replaceAll(/#EXT-X-PROGRAM-DATE-TIME:.*\n/g, '')).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:2
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MEDIA-SEQUENCE:6
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-GAP
#EXTINF:2.000000001,
6.m4s
#EXT-X-MAP:URI="init-0.mp4"
#EXTINF:2.000000001,
7.m4s
#EXTINF:2.000000001,
8.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init-1.mp4"
#EXTINF:2.000000001,
9.m4s
#EXT-X-GAP
#EXTINF:2.000000001,
10.m4s
#EXTINF:2.000000001,
11.m4s
#EXT-X-ENDLIST
`)
})

test('only what lies before the skip boundary can be skipped', () => {
  const durations = Array.from({ length: 12 }, () => 2)
  expect(skippableSegments(durations, 12)).toBe(6)
  expect(skippableSegments([...durations, 0.3], 12)).toBe(6)
  expect(skippableSegments(durations.slice(0, 6), 12)).toBe(0)
})

test('a multivariant playlist of two pictures and sound alone, with two sounds', () => {
  const sounds = [
    { uri: 'a/audio/playlist.m3u8', name: 'English', language: 'en', channels: 2 },
    { uri: 'a/audio-2/playlist.m3u8', name: 'Sound 2', language: undefined, channels: 6 },
  ].map((sound, index) => ({ ...sound, isDefault: index === 0, isAutoSelected: index === 0 }))
  const text = renderMultivariant({
    variants: [
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
    sounds,
    hasIndependentSegments: true,
  })
  expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a/audio/playlist.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Sound 2",CHANNELS="6",URI="a/audio-2/playlist.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2600000,AVERAGE-BANDWIDTH=2500001,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="sound"
a/source/playlist.m3u8?viewer=x
#EXT-X-STREAM-INF:BANDWIDTH=128000,AVERAGE-BANDWIDTH=127000,CODECS="mp4a.40.2",AUDIO="sound"
a/audio/playlist.m3u8
`)
})
