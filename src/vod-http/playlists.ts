/** Writes the HLS playlists of a VOD out of its rows. */
import { describeMultivariant } from '../../media/hls/multivariant.ts'
import { type PlaylistSegment, renderMultivariant, renderVod } from '../../media/hls/playlist.ts'
import { type Manifest, SOURCE, type VodEntry } from '../vod/manifest.ts'
import type { ServedRendition, ServedVod } from './library.ts'

/** `index.m3u8`, which lists `RENDITION/playlist.m3u8`. */
export function writeMultivariant({ renditions }: ServedVod): string {
  const offered = renditions.map(({ name, kind, tracks, rates, hasOnlyIndependent }) => ({
    ...{ uri: `${name}/playlist.m3u8`, isSource: kind === 'source', rates, hasOnlyIndependent },
    tracks: [...tracks.values()],
  }))
  return renderMultivariant(describeMultivariant(offered))
}

/** `playlist.m3u8` of a rendition, which lists `init-N.mp4` and `SEQUENCE.m4s` beside it. */
export async function writeMediaPlaylist(
  manifest: Pick<Manifest, 'entries'>,
  { vod }: ServedVod,
  { name, hasOnlyIndependent }: ServedRendition,
): Promise<string> {
  const source = await manifest.entries(vod.id, { rendition: SOURCE })
  const own = name === SOURCE ? source : await manifest.entries(vod.id, { rendition: name })
  const bySequence = new Map(own.map(entry => [entry.sequence, entry]))
  const segments = source.map(entry => listed(bySequence.get(entry.sequence) ?? missing(entry)))
  const first = source[0]
  return renderVod({
    targetDurationSeconds: vod.targetDurationSeconds ?? 1,
    mediaSequence: first?.sequence ?? 0,
    // The first segment's own discontinuity is told by its tag.
    discontinuitySequence: (first?.discontinuity ?? 0) - (first?.isDiscontinuity ? 1 : 0),
    hasIndependentSegments: hasOnlyIndependent,
    segments,
  })
}

/** What one rendition lacks, it lacks for as long as the source has it: all of them are one time line. */
export function missing(source: VodEntry): VodEntry {
  return { ...source, initIndex: null, isGap: true }
}

function listed(entry: VodEntry): PlaylistSegment {
  const { sequence, initIndex, startsAtMs, isDiscontinuity, durationSeconds, isGap } = entry
  return {
    initUri: initIndex === null ? undefined : `init-${initIndex}.mp4`,
    ...{ startsAtMs, isDiscontinuity, parts: [] },
    complete: { uri: `${sequence}.m4s`, durationSeconds, isGap },
  }
}
