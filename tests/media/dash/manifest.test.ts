import { expect, test } from 'bun:test'
import {
  type ManifestHeader,
  type Period,
  type Representation,
  renderManifest,
  renderPeriods,
} from '../../../media/dash/manifest.ts'

const header: ManifestHeader = {
  availabilityStartMs: 1_700_000_000_000,
  publishedAtMs: 1_700_000_010_500,
  targetDurationSeconds: 2,
  timeShiftSeconds: 6.0000004,
  endSeconds: undefined,
  clockUri: '../clock',
}

const audio: Representation = {
  id: 'audio',
  bandwidthBps: 96_000.2,
  codecs: 'mp4a.40.2',
  initUri: 'audio/init-0.mp4',
  mediaUri: 'audio/$Number$.m4s',
  timescale: 48_000,
  presentationTimeOffset: 1_000,
  startNumber: 7,
  segments: [],
  sound: { sampleRate: 48_000, channels: 8 },
}

function periodOf(
  set: Partial<Period['adaptationSets'][number]>,
  representation: Partial<Representation> = {},
): Period {
  const adaptationSet = { id: 2, kind: 'audio' as const, isMain: true, startsWithKeyFrames: true, ...set }
  const representations = [{ ...audio, ...representation }]
  return {
    id: 'p7',
    startSeconds: 14.1,
    baseUri: '../a&b/',
    adaptationSets: [{ representations, ...adaptationSet }],
  }
}

test('a live manifest, as it is written', () => {
  const periods = renderPeriods([
    periodOf({ language: 'de' }, { segments: [{ start: 1_000, duration: 96_000 }] }),
  ])
  expect(renderManifest({ ...header, locationUri: 'manifest.mpd?stream=1&viewer=2' }, periods)).toBe(
    `<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" type="dynamic" availabilityStartTime="2023-11-14T22:13:20.000Z" publishTime="2023-11-14T22:13:30.500Z" minBufferTime="PT2S" maxSegmentDuration="PT2.5S" minimumUpdatePeriod="PT2S" timeShiftBufferDepth="PT6S" suggestedPresentationDelay="PT6S">
  <Location>manifest.mpd?stream=1&amp;viewer=2</Location>
  <Period id="p7" start="PT14.1S">
    <BaseURL>../a&amp;b/</BaseURL>
    <AdaptationSet id="2" contentType="audio" mimeType="audio/mp4" lang="de" segmentAlignment="true" startWithSAP="1">
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
      <Representation id="audio" bandwidth="96001" codecs="mp4a.40.2" audioSamplingRate="48000">
        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="7"/>
        <SegmentTemplate timescale="48000" presentationTimeOffset="1000" startNumber="7" initialization="audio/init-0.mp4" media="audio/$Number$.m4s">
          <SegmentTimeline><S t="1000" d="96000"/></SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
  </Period>
  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="../clock"/>
</MPD>
`,
  )
})

test('one that has ended tells where, and neither when to ask again nor the time', () => {
  const text = renderManifest({ ...header, endSeconds: 20.25 }, '')
  expect(text).toContain(' type="static"')
  expect(text).toContain(' mediaPresentationDuration="PT20.25S"')
  expect(text).not.toMatch(/minimumUpdatePeriod|timeShiftBufferDepth|suggestedPresentationDelay|UTCTiming/)
})

test('a timeline counts repeats, and tells times where they do not follow', () => {
  const durations = [10, 10, 10, 12, 10]
  let start = 100
  const segments = durations.map(duration => {
    start += duration
    return { start: start - duration, duration }
  })
  const gap = { start: start + 50, duration: 10 }
  const text = renderPeriods([
    periodOf({}, { segments: [...segments, gap, { ...gap, start: gap.start + 10 }] }),
  ])
  expect(text).toContain('<S t="100" d="10" r="2"/><S d="12"/><S d="10"/><S t="202" d="10" r="1"/>')
})

test.each([
  { perSecond: 30, written: '30' },
  { perSecond: 29.97, written: '30000/1001' },
  { perSecond: 23.976, written: '24000/1001' },
  { perSecond: 12.5, written: '12500/1000' },
])('$perSecond frames a second are $written', ({ perSecond, written }) => {
  const picture = { width: 640, height: 360, frameRate: perSecond }
  const text = renderPeriods([periodOf({ kind: 'video' }, { picture })])
  expect(text).toContain(` width="640" height="360" frameRate="${written}"`)
})

test('what stands in attributes and text cannot break out of them', () => {
  const text = renderPeriods([periodOf({ language: `"><x y='&'/>` })])
  expect(text).toContain(' lang="&quot;&gt;&lt;x y=&apos;&amp;&apos;/&gt;"')
})
