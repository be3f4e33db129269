/** Takes up what a process that died has left of a recording: all but what was being written when it died. */
import { readFile, truncate } from 'node:fs/promises'
import { completeFragments, readSegment } from '../../media/mp4/demux.ts'
import type { Log } from '../log.ts'
import type { CompleteFacts } from '../vod/segment-row.ts'
import type { Recording } from './recording.ts'
import { type Leftover, removeSegment, type SpooledInit, type SpooledSegment } from './spool.ts'

/** Hands everything of it to `recording`, and returns that. What is no media is removed, with a word in the log. */
export async function recover({ vodId, inits, segments }: Leftover, recording: Recording, log: Log) {
  for (const init of inits) recording.addInit(init)
  for (const segment of segments) {
    const init = inits.find(
      ({ rendition, index }) => rendition === segment.facts.rendition && index === segment.facts.initIndex,
    )
    try {
      const media = await readMedia(segment, init)
      if (media) recording.add(media.facts, { data: media.data, path: segment.path })
      else await removeSegment(segment.path)
    } catch (err) {
      log.error({ err, vodId, path: segment.path }, 'a segment in the spool is damaged')
      await removeSegment(segment.path)
    }
  }
  log.info({ vodId, segments: segments.length }, 'a recording that was broken off goes on')
  return recording
}

/** Undefined: there is not one whole part. */
async function readMedia(
  { facts, path }: SpooledSegment,
  init: SpooledInit | undefined,
): Promise<{ facts: CompleteFacts; data: Uint8Array } | undefined> {
  const written = await readFile(path)
  if (facts.complete) return { facts: { ...facts, complete: facts.complete }, data: written }
  const data = written.subarray(0, completeFragments(written))
  if (data.byteLength === 0 || !init) return undefined
  if (data.byteLength < written.byteLength) await truncate(path, data.byteLength)
  const samples = readSegment(init.data, data)
  const ticks = samples.reduce((sum, sample) => sum + sample.duration, 0)
  const complete = { durationSeconds: ticks / init.track.timescale, frameCount: samples.length }
  return { facts: { ...facts, complete }, data }
}
