/** Measures how long a publisher's own encoder holds each picture, from what it writes, without decoding anything. */
import type { Readable } from 'node:stream'
import { type PublishOptions, publish } from '../support/publisher.ts'

const SETTLING_PICTURES = 60
const FLV_HEADER_BYTES = 9
const TAG_HEADER_BYTES = 11
const PREVIOUS_TAG_SIZE_BYTES = 4
const VIDEO_TAG = 9
const AVC_NALU = 1
const LARGEST_TAG_BYTES = 16_777_215 + TAG_HEADER_BYTES + PREVIOUS_TAG_SIZE_BYTES

/** A coded picture, when its last byte left the encoder. */
interface CodedPicture {
  readonly ptsMs: number
  readonly atMs: number
}

/**
 * For each picture of about `seconds` of a stamped publisher: from its stamp to the moment at which it and all
 * pictures shown before it have left the encoder, so that somebody right behind it could show it. Milliseconds.
 */
export async function publisherDelaysMs(options: PublishOptions, seconds: number): Promise<number[]> {
  await using publisher = await publish('pipe:1', { ...options, stamped: true })
  const pictures = SETTLING_PICTURES + Math.ceil(seconds * (options.fps ?? 30))
  const coded = await readPictures(publisher.output!, pictures)
  // The muxer moves all times so that the first decoding time is 0; the first picture is number 0.
  const firstPts = coded[0]!.ptsMs
  const frameMs = 1000 / (options.fps ?? 30)
  const shown = coded.toSorted((a, b) => a.ptsMs - b.ptsMs)
  const delays: number[] = []
  let readyAtMs = 0
  for (const { ptsMs, atMs } of shown) {
    readyAtMs = Math.max(readyAtMs, atMs)
    const frame = Math.round((ptsMs - firstPts) / frameMs)
    delays.push(readyAtMs - publisher.source!.stampedAtMs(frame))
  }
  // Of the last few, pictures shown before them may not have come yet.
  return delays.slice(SETTLING_PICTURES, -SETTLING_PICTURES / 4)
}

/** Reads FLV (Adobe FLV 10.1, annex E) until `count` coded pictures came. Throws when it ends before. */
async function readPictures(flv: Readable, count: number): Promise<CodedPicture[]> {
  const pictures: CodedPicture[] = []
  let buffer = Buffer.alloc(0)
  let skip = FLV_HEADER_BYTES + PREVIOUS_TAG_SIZE_BYTES
  for await (const chunk of flv as AsyncIterable<Buffer>) {
    const atMs = Date.now()
    buffer = Buffer.concat([buffer, chunk])
    if (buffer.byteLength > LARGEST_TAG_BYTES) throw new RangeError('this is no FLV')
    if (buffer.byteLength < skip) continue
    buffer = buffer.subarray(skip)
    skip = 0
    for (let bytes = tagBytes(buffer); bytes <= buffer.byteLength; bytes = tagBytes(buffer)) {
      const ptsMs = ptsOf(buffer)
      if (ptsMs !== undefined) pictures.push({ ptsMs, atMs })
      buffer = buffer.subarray(bytes)
    }
    if (pictures.length >= count) return pictures
  }
  throw new Error(`the encoder ended after ${pictures.length} pictures`)
}

/** Infinity while not even the size is known. E.4.1. */
function tagBytes(buffer: Buffer): number {
  if (buffer.byteLength < TAG_HEADER_BYTES) return Number.POSITIVE_INFINITY
  return TAG_HEADER_BYTES + buffer.readUIntBE(1, 3) + PREVIOUS_TAG_SIZE_BYTES
}

/** Of a coded picture; undefined for anything else. E.4.3: its offset is signed and follows the packet type. */
function ptsOf(tag: Buffer): number | undefined {
  if (tag.readUInt8(0) !== VIDEO_TAG || tag.readUInt8(TAG_HEADER_BYTES + 1) !== AVC_NALU) return undefined
  const dtsMs = tag.readUIntBE(4, 3) + tag.readUInt8(7) * 2 ** 24
  return dtsMs + tag.readIntBE(TAG_HEADER_BYTES + 2, 3)
}
