/** Keeps everything a packager makes, and checks that it comes in order. */
import { expect } from 'bun:test'
import type { Timing } from '../../src/hls/cutter.ts'
import type { Part, Segment, SegmentConsumer, SegmentHeader } from '../../src/hls/segment.ts'

export class Collector implements SegmentConsumer {
  timing: Timing | undefined
  readonly segments: Segment[] = []
  readonly parts: Part[] = []
  #open: { header: SegmentHeader; parts: Part[] } | undefined

  fixTiming(timing: Timing): void {
    expect(this.timing ?? timing).toEqual(timing)
    this.timing = timing
  }

  beginSegment(header: SegmentHeader): void {
    expect(this.timing).toBeDefined()
    expect(this.#open).toBeUndefined()
    this.#open = { header, parts: [] }
  }

  addPart(part: Part): void {
    this.#open!.parts.push(part)
    this.parts.push(part)
  }

  endSegment(segment: Segment): void {
    expect(segment.parts).toEqual(this.#open!.parts)
    expect(segment).toMatchObject(this.#open!.header)
    this.segments.push(segment)
    this.#open = undefined
  }

  /** Nothing was begun and not ended. */
  get isIdle(): boolean {
    return this.#open === undefined
  }
}
