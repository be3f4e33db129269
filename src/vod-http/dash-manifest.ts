/** Writes the MPEG-DASH manifest of a VOD out of its rows. */
import { describeAdaptationSets, type Presented } from '../../media/dash/adaptation.ts'
import { type Period, renderManifest, renderPeriods } from '../../media/dash/manifest.ts'
import { type CutMember, type CutPeriod, PeriodCutter, playablePeriods } from '../../media/dash/periods.ts'
import { type Manifest, SOURCE, type VodEntry } from '../vod/manifest.ts'
import type { ServedRendition, ServedVod } from './library.ts'

type Entries = ReadonlyMap<ServedRendition, ReadonlyMap<number, VodEntry>>

/** `manifest.mpd`, which leads to `RENDITION/init-N.mp4` and `RENDITION/SEQUENCE.m4s`. */
export async function writeManifest(
  manifest: Pick<Manifest, 'entries'>,
  { vod, renditions }: ServedVod,
): Promise<string> {
  const entries = new Map<ServedRendition, ReadonlyMap<number, VodEntry>>()
  for (const rendition of renditions) {
    const own = await manifest.entries(vod.id, { rendition: rendition.name })
    entries.set(rendition, new Map(own.map(entry => [entry.sequence, entry])))
  }
  const { periods, zeroMs } = cut(entries)
  const header = {
    availabilityStartMs: zeroMs,
    publishedAtMs: vod.publishedAt?.getTime() ?? zeroMs,
    targetDurationSeconds: vod.targetDurationSeconds ?? 1,
    timeShiftSeconds: 0,
    endSeconds: periods.at(-1)?.endSeconds ?? 0,
    clockUri: '',
  }
  return renderManifest(header, renderPeriods(periods.map(period => describe(period, entries))))
}

/** A drop of the publisher takes no time: a new time line begins where it does in the playlists. */
function cut(entries: Entries) {
  const source = entries.entries().find(([rendition]) => rendition.name === SOURCE)?.[1] ?? new Map()
  const offsets = new Map<number, number>()
  let offset = 0
  for (const [sequence, { durationSeconds }] of source) {
    offsets.set(sequence, offset)
    offset += durationSeconds
  }
  const cutter = new PeriodCutter<ServedRendition>(({ sequence }) => offsets.get(sequence) ?? 0)
  for (const sequence of source.keys()) {
    const found = [...entries].flatMap(([rendition, own]) => find(rendition, own.get(sequence)))
    if (found.some(({ rendition }) => rendition.kind !== 'sound')) cutter.add(found)
  }
  const hasSound = ({ members }: CutPeriod<ServedRendition>) =>
    members.some(({ rendition }) => rendition.kind === 'sound')
  const { periods, zeroMs } = cutter
  // The kind of which there is more: what is missing of a sound for a moment must not silence the rest.
  const isWithSound = secondsOf(periods.filter(hasSound)) * 2 >= secondsOf(periods)
  return { periods: playablePeriods(periods, hasSound, isWithSound), zeroMs }
}

function secondsOf(periods: readonly CutPeriod<ServedRendition>[]): number {
  return periods.reduce((sum, { startSeconds, endSeconds }) => sum + endSeconds - startSeconds, 0)
}

function find(rendition: ServedRendition, entry: VodEntry | undefined): CutMember<ServedRendition>[] {
  if (!entry || entry.isGap || entry.initIndex === null) return []
  return [{ rendition, name: rendition.name, initIndex: entry.initIndex, segment: entry }]
}

function describe(period: CutPeriod<ServedRendition>, entries: Entries): Period {
  const setIds = [...entries.keys()]
  const members = period.members.map(({ rendition, initIndex }): Presented => {
    const { name, tracks, rates, hasOnlyIndependent } = rendition
    const own = entries.get(rendition)!
    const sequences = Array.from({ length: period.until - period.from }, (_, index) => period.from + index)
    return {
      ...{ name, rates, hasOnlyIndependent, track: tracks.get(initIndex)! },
      setId: setIds.indexOf(rendition) + 1,
      initUri: `${name}/init-${initIndex}.mp4`,
      mediaUri: `${name}/$Number$.m4s`,
      segments: sequences.map(sequence => own.get(sequence)!),
    }
  })
  const { startSeconds, mediaStartSeconds } = period
  return {
    ...{ id: `p${period.from}`, startSeconds, baseUri: './' },
    adaptationSets: describeAdaptationSets(members, mediaStartSeconds),
  }
}
