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

/** Where pictures of single moments lie. */
export function framesPrefix(vodId: string): ObjectKey {
  return `${vodPrefix(vodId)}frames/`
}

/** The picture of a moment, milliseconds after the beginning, in a width. */
export function frameKey(vodId: string, offsetMs: number, width: number): ObjectKey {
  return `${framesPrefix(vodId)}${offsetMs}-${width}.jpg`
}

/** A sheet of small pictures for seeking; from 0. */
export function storyboardKey(vodId: string, sheet: number): ObjectKey {
  return `${vodPrefix(vodId)}storyboard-${sheet}.jpg`
}
