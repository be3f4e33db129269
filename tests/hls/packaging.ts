/** Packages real media for the tests, and checks what every rendition of a stream promises. */
import { expect } from 'bun:test'
import type { Tracks } from '../../media/access-unit.ts'
import { concatBytes } from '../../media/bytes.ts'
import { Packager } from '../../src/hls/packager.ts'
import type { Segment } from '../../src/hls/segment.ts'
import { type ReadSample, readFragments } from '../media/mp4/box-reader.ts'
import { Collector } from './collector.ts'
import type { Encoded } from './encoder.ts'

const clock = { wallTimeMs: (mediaMs: number) => 1_000_000 + mediaMs }

/** What the packagers of one stream made of it. */
export class Stream {
  readonly collectors = new Map<string, Collector>()
  #packager: Packager | undefined

  attach(tracks: Tracks): Packager {
    const others = (tracks.alternateAudio ?? []).map((track, index) => ({
      name: `audio-${index + 2}`,
      track,
    }))
    const sounds = tracks.audio ? [{ name: 'audio', track: tracks.audio }, ...others] : []
    const earlier = [...this.collectors.keys()]
    const { timing, position } = this.#packager ?? {}
    this.#packager = new Packager({
      ...{ picture: tracks.video, sounds, clock, earlier, timing, position },
      consumerOf: name => this.#collector(name),
    })
    return this.#packager
  }

  get(name: string): Collector {
    return this.collectors.get(name)!
  }

  get source(): Collector {
    return this.get('source')
  }

  #collector(name: string): Collector {
    const collector = this.collectors.get(name) ?? new Collector()
    this.collectors.set(name, collector)
    return collector
  }
}

export function open(tracks: Tracks) {
  const stream = new Stream()
  const packager = stream.attach(tracks)
  return { packager, stream, collector: stream.source }
}

export async function packageStream({ tracks, units }: Encoded): Promise<Stream> {
  const { packager, stream } = open(tracks)
  for (const unit of units) packager.write(unit)
  await packager.close()
  return stream
}

/** The source's segments. */
export async function packageAll(encoded: Encoded): Promise<Collector> {
  return (await packageStream(encoded)).source
}

export function mediaOf(segments: readonly Segment[]): Uint8Array {
  return concatBytes(segments.map(segment => segment.data))
}

export function samplesOf(segments: readonly Segment[]): readonly ReadSample[] {
  return readFragments(mediaOf(segments)).get(1) ?? []
}

/** Every sample's end is the next one's beginning. */
export function checkContinuity(samples: readonly ReadSample[]): void {
  for (const [index, sample] of samples.slice(1).entries())
    expect(sample.dts).toBe(samples[index]!.dts + samples[index]!.duration)
}

export async function run(
  command: readonly string[],
  stdin: Uint8Array,
): Promise<{ stdout: string; stderr: string }> {
  const child = Bun.spawn([...command], { stdin, stdout: 'pipe', stderr: 'pipe' })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  expect(await child.exited, stderr).toBe(0)
  return { stdout, stderr }
}

/** Strict decode of the bytes: any complaint of ffmpeg fails. */
export async function decode(bytes: Uint8Array): Promise<void> {
  const { stderr } = await run(
    ['ffmpeg', '-v', 'warning', '-nostdin', '-xerror', '-i', 'pipe:0', '-f', 'null', '-'],
    bytes,
  )
  expect(stderr).toBe('')
}

/** Same sequence numbers, discontinuities and times in every rendition. */
export function checkAligned(stream: Stream): void {
  const { segments } = stream.source
  for (const collector of stream.collectors.values()) {
    const first = collector.segments[0]!.sequence
    expect(collector.isIdle).toBe(true)
    expect(collector.segments).toHaveLength(segments.length - first)
    for (const [index, segment] of collector.segments.entries()) {
      const { sequence, discontinuity, isDiscontinuity, startSeconds, durationSeconds } =
        segments[first + index]!
      expect(segment).toMatchObject({ sequence, discontinuity, isDiscontinuity })
      expect(Math.abs(segment.startSeconds - startSeconds)).toBeLessThan(0.05)
      expect(Math.abs(segment.durationSeconds - durationSeconds)).toBeLessThan(0.1)
      expect(Math.round(segment.durationSeconds)).toBeLessThanOrEqual(collector.timing!.targetDurationSeconds)
      for (const part of segment.parts) {
        expect(part.durationSeconds).toBeLessThanOrEqual(collector.timing!.partTargetSeconds + 1e-9)
        if (part !== segment.parts.at(-1))
          expect(part.durationSeconds).toBeGreaterThanOrEqual(0.85 * collector.timing!.partTargetSeconds)
      }
    }
  }
}
