/**
 * What draft-pantos-hls-rfc8216bis-22 asks of a server, checked on a whole life as its HTTP clients see it: a publisher
 * with a ladder and two sounds, who drops, and another who goes on in another size, alone. Each test names its clause.
 */
import { beforeAll, describe, expect, test } from 'bun:test'
import HLS from 'hls-parser'
import { concatBytes } from '../../media/bytes.ts'
import { PART_TARGET_SECONDS } from './part-target.ts'
import { checkPlaylist } from './playlist-checker.ts'
import { checkChange, durationOf, readVersion, secondsOf, sum, type Version } from './playlist-versions.ts'
import { RENDITIONS, type Recorded, RecordedLife, type RenditionName, STEP_SECONDS } from './recorded-life.ts'

const TARGET_SECONDS = 2

let life: RecordedLife
beforeAll(async () => {
  HLS.setOptions({ strictMode: true })
  life = await RecordedLife.record()
}, 60_000)

const eachVersion = (check: (version: Recorded, rendition: RenditionName) => void) => {
  for (const rendition of RENDITIONS) for (const version of life.of(rendition)) check(version, rendition)
}

describe('every media playlist', () => {
  test('can be read by a strict parser, and keeps the rules of its segments and parts (6.2.1, 4.4.4.9)', () => {
    const counts = RENDITIONS.map(rendition => life.of(rendition).length)
    for (const count of counts) expect(count).toBeGreaterThan(200)
    // EXTINF ≤ target, parts ≤ and but for the last ≥ 85 % of theirs, sums, PART-HOLD-BACK, CAN-SKIP-UNTIL, hint.
    eachVersion(version => {
      if (version.isEnded) HLS.parse(version.text)
      else checkPlaylist(version.text)
    })
  })

  test('has the same target duration and server control in all renditions and for ever, and its numbers (6.2.1, 6.2.2, 6.2.4)', () => {
    const control = /#EXT-X-SERVER-CONTROL:(.*)/
    const seen = new Set<string>()
    eachVersion(({ text, header }) => {
      expect(header).toContain(`#EXT-X-TARGETDURATION:${TARGET_SECONDS}`)
      expect(header).toContain(`#EXT-X-PART-INF:PART-TARGET=${PART_TARGET_SECONDS}`)
      // 6.2.2: before anything is removed.
      expect(text.match(/^#EXT-X-(MEDIA|DISCONTINUITY)-SEQUENCE:\d+$/gm)).toHaveLength(2)
      seen.add(control.exec(text)![1]!)
    })
    // 4.4.3.8: three target durations, three part targets (at least two), six target durations.
    const partHoldBack = Number((3 * PART_TARGET_SECONDS).toFixed(3))
    expect([...seen]).toEqual([
      `CAN-BLOCK-RELOAD=YES,HOLD-BACK=6,PART-HOLD-BACK=${partHoldBack},CAN-SKIP-UNTIL=12`,
    ])
  })

  test('changes only by appending, removing from the front, and the sequence numbers that follow (6.2.1, 6.2.2)', () => {
    for (const rendition of RENDITIONS) {
      for (const [before, after] of life.pairs(rendition)) checkChange(before, after)
      const last = life.of(rendition).at(-1)!
      expect(last.mediaSequence).toBeGreaterThan(15)
      expect(last.discontinuitySequence).toBe(1)
    }
  })

  test('is never shorter than three target durations once a segment has been removed (6.2.2)', () => {
    eachVersion(version => {
      if (version.mediaSequence > 0) expect(durationOf(version)).toBeGreaterThanOrEqual(3 * TARGET_SECONDS)
    })
  })

  test('lists parts only near the live edge, and of all segments there (6.2.2)', () => {
    eachVersion(({ segments, isEnded }) => {
      if (isEnded) return
      const first = segments.findIndex(segment => segment.parts.length > 0)
      const seconds = durationOf({ segments: segments.slice(first) })
      expect(seconds - segments[first]!.seconds).toBeLessThan(3 * TARGET_SECONDS)
      if (first > 0) expect(seconds).toBeGreaterThan(3 * PART_TARGET_SECONDS)
    })
  })

  test('gets a new part within a part target, a new segment within 1.5 target durations (6.2.1)', () => {
    for (const rendition of ['source', 'audio', 'audio-2'] as const) {
      let segmentAt = life.of(rendition)[0]!.at
      for (const [before, after] of life.pairs(rendition)) {
        const isAway = before.at <= life.leftAt && after.at >= life.returnedAt
        const isNew = after.segments.at(-1)!.sequence > before.segments.at(-1)!.sequence
        if (!isAway && !after.isEnded)
          // A unit of sound may come with the one after it.
          expect(after.at - before.at).toBeLessThanOrEqual((PART_TARGET_SECONDS + 1.1 * STEP_SECONDS) * 1000)
        if (isNew && !isAway) expect(after.at - segmentAt).toBeLessThanOrEqual(1.5 * TARGET_SECONDS * 1000)
        if (isNew || isAway) segmentAt = after.at
      }
    }
  })

  test('hints at the part that comes next, always, and only at that (4.4.5.3, 6.2.6)', () => {
    for (const rendition of RENDITIONS) {
      for (const [before, after] of life.pairs(rendition)) {
        expect(before.hints).toHaveLength(1)
        // A publisher who drops does not finish the part that was hinted at: 6.2.6 allows that.
        if (after.isEnded || (before.at <= life.leftAt && after.at >= life.returnedAt)) continue
        const listed = ({ segments }: Version) => segments.flatMap(segment => segment.parts)
        const known = new Set(listed(before))
        const next = listed(after).find(part => !known.has(part))
        // Only a report has changed.
        if (next === undefined) expect(after.hints).toEqual(before.hints as string[])
        else expect(next).toContain(`URI="${before.hints[0]}"`)
      }
    }
  })

  test('ends once, with ENDLIST and without hint or report (6.2.1)', () => {
    for (const rendition of RENDITIONS) {
      const versions = life.of(rendition)
      expect(versions.map(version => version.isEnded).indexOf(true)).toBe(versions.length - 1)
      expect(versions.at(-1)).toMatchObject({ hints: [], reports: [] })
    }
  })

  test('says with a discontinuity that the publisher has changed, in every rendition at the same segment (6.2.1, 6.2.4)', () => {
    const marks = RENDITIONS.map(rendition =>
      life
        .segmentsOf(rendition)
        .filter(segment => segment.isDiscontinuity)
        .map(segment => segment.sequence),
    )
    expect(marks[0]).toHaveLength(1)
    expect(marks).toEqual(RENDITIONS.map(() => marks[0]!))
    for (const rendition of RENDITIONS) {
      const maps = life
        .segmentsOf(rendition)
        .filter(each => !each.isGap)
        .map(each => [each.discontinuitySequence, each.map])
      // One init segment for each side of it.
      expect(new Set(maps.map(pair => pair.join())).size).toBe(new Set(maps.map(([number]) => number)).size)
    }
  })

  test('tells dates that follow from the durations, and never twice the same (6.2.1)', () => {
    for (const rendition of RENDITIONS) {
      const segments = life.segmentsOf(rendition)
      for (const [index, segment] of segments.slice(1).entries()) {
        const end = segments[index]!.dateTime + segments[index]!.seconds * 1000
        if (segment.isDiscontinuity) expect(segment.dateTime).toBeGreaterThanOrEqual(end - 1000)
        else expect(Math.abs(segment.dateTime - end)).toBeLessThan(5)
      }
    }
  })
})

describe('renditions', () => {
  test('have matching numbers, discontinuities, time stamps and dates (6.2.4)', () => {
    const source = new Map(life.segmentsOf('source').map(segment => [segment.sequence, segment]))
    for (const rendition of RENDITIONS) {
      const segments = life.segmentsOf(rendition)
      expect(segments.length).toBeGreaterThanOrEqual(source.size - 1)
      for (const segment of segments) {
        const matching = source.get(segment.sequence)!
        expect(segment.discontinuitySequence).toBe(matching.discontinuitySequence)
        expect(Math.abs(segment.dateTime - matching.dateTime)).toBeLessThan(60)
        if (segment.isGap) continue
        expect(
          Math.abs(life.mappingOf(rendition, segment) - life.mappingOf('source', matching)),
        ).toBeLessThan(25)
      }
    }
  })

  test('are at most a target duration apart, fed or not (6.2.4)', () => {
    eachVersion(({ segments, others }) => {
      const end = segments.at(-1)!.dateTime + segments.at(-1)!.seconds * 1000
      const last = others.get('source')!.segments.at(-1)!
      if (last.discontinuitySequence !== segments.at(-1)!.discontinuitySequence) return
      expect(Math.abs(last.dateTime + last.seconds * 1000 - end)).toBeLessThan(TARGET_SECONDS * 1000)
    })
  })

  test('report how far the others are at that moment (4.4.5.4)', () => {
    for (const look of life.looks)
      for (const [rendition, { reports, isEnded }] of look) {
        if (isEnded) continue
        const names = [...look.keys()].filter(name => name !== rendition)
        expect(reports.map(line => /URI="\.\.\/(.*?)\//.exec(line)![1]!).sort()).toEqual(names.sort())
        for (const line of reports) {
          const [, name, sequence, part] = /\.\.\/(.*?)\/.*LAST-MSN=(\d+),LAST-PART=(\d+)/.exec(line)!
          const last = look.get(name!)!.segments.at(-1)!
          expect(`${sequence}.${part}`).toBe(`${last.sequence}.${last.parts.length - 1}`)
        }
      }
  })

  test('that a broadcast does not feed are marked as gaps, segments and parts (6.2.1)', () => {
    const gaps = life.segmentsOf('90p').filter(segment => segment.isGap)
    expect(gaps.map(each => each.discontinuitySequence)).toEqual(gaps.map(() => 1))
    expect(gaps.length).toBeGreaterThan(10)
    for (const { parts } of gaps) for (const part of parts) expect(part).toEndWith(',GAP=YES')
  })
})

describe('media', () => {
  test('is there as soon as it is listed, gaps are not; parts make up their segment (6.2.1)', () => {
    for (const rendition of RENDITIONS) {
      for (const { uri, isGap, parts, sequence } of life.segmentsOf(rendition)) {
        const whole = life.files.get(`${rendition}/${uri}`)!
        expect([uri, whole.status]).toEqual([uri, isGap ? 404 : 200])
        if (isGap) continue
        const pieces = parts.map((_, index) => life.files.get(`${rendition}/${sequence}.${index}.m4s`)!)
        if (pieces.length > 0)
          expect(Buffer.compare(concatBytes(pieces.map(each => each.bytes)), whole.bytes)).toBe(0)
      }
    }
    for (const [path, { status }] of life.files)
      if (!path.startsWith('90p/')) expect([path, status]).toEqual([path, 200])
  })

  test('lasts as long as the playlist says (4.4.4.1, 4.4.4.9)', () => {
    for (const rendition of ['source', 'audio'] as const) {
      for (const segment of life.segmentsOf(rendition).slice(0, -1)) {
        const ticks = sum(life.samplesOf(rendition, segment).map(sample => sample.duration))
        const seconds = ticks / life.timescaleOf(rendition, segment)
        expect(Math.abs(seconds - segment.seconds)).toBeLessThan(0.03)
        if (segment.parts.length > 0)
          expect(sum(segment.parts.map(secondsOf))).toBeCloseTo(segment.seconds, 3)
      }
    }
  })

  test('stays for its availability duration after it has left the playlist (6.2.2)', () => {
    expect(life.lost).toEqual([])
  })
})

describe('delta updates', () => {
  test('replace all before the skip boundary, and only that; what a client has makes them whole (6.2.5.1)', () => {
    let deltas = 0
    for (const rendition of RENDITIONS) {
      for (const [before, after] of life.pairs(rendition)) {
        for (const text of after.deltas) {
          if (after.isEnded) expect(text).toBe(after.text)
          else deltas += checkDelta(before, after, text)
        }
      }
    }
    expect(deltas).toBeGreaterThan(1000)
  })

  /** Returns 1 when something was skipped. */
  function checkDelta(before: Version, full: Recorded, text: string): number {
    const delta = readVersion(text, before)
    // 4.4.5.2: whole segments further from the end than CAN-SKIP-UNTIL, give or take the rounding of their durations.
    const untilEnd = full.segments.map((_, index) => durationOf({ segments: full.segments.slice(index + 1) }))
    const countBeyond = (seconds: number) => untilEnd.filter(each => each > seconds).length
    expect(delta.skipped).toBeGreaterThanOrEqual(countBeyond(6 * TARGET_SECONDS + 0.001))
    expect(delta.skipped).toBeLessThanOrEqual(countBeyond(6 * TARGET_SECONDS - 0.001))
    expect(delta.header).toEqual(full.header as string[])
    expect(delta.segments.map(({ sequence, lines }) => ({ sequence, lines }))).toEqual(
      full.segments.map(({ sequence, lines }) => ({ sequence, lines: lines as string[] })),
    )
    // Every tag that was not skipped is there as it was.
    const rest = text
      .split('\n')
      .slice(text.split('\n').findIndex(line => line.startsWith('#EXT-X-SKIP')) + 1)
    if (delta.skipped > 0) expect(full.text.split('\n').slice(-rest.length)).toEqual(rest)
    return delta.skipped > 0 ? 1 : 0
  }
})

describe('the multivariant playlist', () => {
  test('keeps the rules of renditions and variants, before and after the change (4.4.6, 6.2.4)', () => {
    for (const text of life.multivariants) {
      const parsed = HLS.parse(text)
      if (!parsed.isMasterPlaylist) throw new Error('not a multivariant playlist')
      const media = text.split('\n').filter(line => line.startsWith('#EXT-X-MEDIA:'))
      const names = media.map(line => /NAME="(.*?)"/.exec(line)![1])
      expect(new Set(names).size).toBe(names.length)
      expect(media.filter(line => line.includes('DEFAULT=YES'))).toHaveLength(1)
      for (const line of media) if (line.includes('DEFAULT=YES')) expect(line).toContain('AUTOSELECT=YES')
      for (const { bandwidth, averageBandwidth, codecs, uri, audio } of parsed.variants) {
        expect(audio.length).toBe(media.length)
        expect(codecs!.split(',')).toContain('mp4a.40.2')
        expect(averageBandwidth).toBeLessThanOrEqual(bandwidth)
        expect(bandwidth).toBeGreaterThanOrEqual(peakOf(uri.split('/')[1]!, text))
      }
    }
    expect(life.multivariants[0]).toContain('RESOLUTION=32x18')
    expect(life.multivariants[1]).not.toContain('RESOLUTION=32x18')
  })

  /** 4.4.6.2: of the biggest segment that had been made, with the biggest of any sound. */
  function peakOf(rendition: string, multivariant: string): number {
    const isFirst = multivariant === life.multivariants[0]
    const rates = (name: string) =>
      life
        .segmentsOf(name)
        .filter(each => !each.isGap && each.seconds >= TARGET_SECONDS / 2)
        .filter(each => !isFirst || life.files.get(`${name}/${each.uri}`)!.listedAt < life.leftAt)
        .map(each => (life.files.get(`${name}/${each.uri}`)!.bytes.byteLength * 8) / each.seconds)
    const sound = Math.max(...rates('audio'), ...rates('audio-2'))
    return rendition.startsWith('audio') ? sound : Math.max(...rates(rendition)) + sound
  }
})
