/** Puts renditions and further sounds beside a source, as a ladder and a publisher of several tracks would. */
import type { AccessUnit, AudioTrack, Track, VideoTrack } from '../../media/access-unit.ts'
import type { Encoded } from './encoder.ts'

/** Units that arrive `lateSeconds` after their decoding time. */
export interface Lane {
  readonly units: readonly AccessUnit[]
  readonly lateSeconds?: number
}

/** The pictures of `encoded` as the ladder's rendition `name` of `source`, on its time line. */
export function asRung(encoded: Encoded, name: string, source: Encoded): readonly AccessUnit[] {
  const pictures = encoded.units.filter(unit => unit.track.kind === 'video')
  const first = source.units.find(unit => unit.track.kind === 'video')!
  const offset = first.pts - pictures[0]!.pts
  const track: VideoTrack = { ...encoded.tracks.video, rendition: name }
  return pictures.map(unit => ({ ...unit, track, dts: unit.dts + offset, pts: unit.pts + offset }))
}

/** The sound of `encoded` as another sound of the publisher. */
export function asSound(
  encoded: Encoded,
  changes: Partial<AudioTrack>,
): { readonly track: AudioTrack; readonly units: readonly AccessUnit[] } {
  const track: AudioTrack = { ...encoded.tracks.audio!, ...changes }
  const units = encoded.units.filter(unit => unit.track.kind === 'audio').map(unit => ({ ...unit, track }))
  return { track, units }
}

/** All in the order of their arrival. */
export function inOrderOfArrival(...lanes: readonly Lane[]): AccessUnit[] {
  const arrivals = lanes.flatMap(({ units, lateSeconds = 0 }) =>
    units.map(unit => ({ unit, at: seconds(unit) + lateSeconds })),
  )
  return arrivals.sort((left, right) => left.at - right.at).map(arrival => arrival.unit)
}

export function isOf(track: Track): (unit: AccessUnit) => boolean {
  return unit => unit.track === track
}

export function seconds(unit: AccessUnit): number {
  return unit.dts / unit.track.timescale
}
