/** Where the media of VODs lies in the object store. */
import type { ObjectKey } from '../storage/object-store.ts'

export interface SegmentName {
  readonly vodId: string
  readonly rendition: string
  readonly sequence: number
}

/** Every object of a VOD has a key that begins so. */
export function vodPrefix(vodId: string): ObjectKey {
  return `vods/${vodId}/`
}

/** `vods/ID/RENDITION/SEQUENCE.m4s` */
export function segmentKey({ vodId, rendition, sequence }: SegmentName): ObjectKey {
  return `${vodPrefix(vodId)}${rendition}/${sequence}.m4s`
}
