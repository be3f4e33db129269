/** Broken input in bulk: whatever a peer sends, only `ProtocolError` comes out, in bounded memory and time. */
import { beforeAll, expect, test } from 'bun:test'
import { audioTrack } from '../../../media/codecs/aac.ts'
import { videoTrack } from '../../../media/codecs/h264.ts'
import { FlvDepacketizer } from '../../../media/flv/depacketizer.ts'
import { ProtocolError } from '../../../media/protocol-error.ts'
import { decodeAmf0 } from '../../../media/rtmp/amf0.ts'
import { RtmpSession } from '../../../media/rtmp/session.ts'
import { mutate, seededRandom } from './random.ts'
import { type Recording, recordingOf } from './recording.ts'

const HELLO = 3073
const MUTATIONS = 12_000

interface Outcome {
  readonly units: number
  readonly isRefused: boolean
}

let recordings: Recording[] = []
beforeAll(async () => {
  recordings = await Promise.all([recordingOf('plain'), recordingOf('bFrames'), recordingOf('videoOnly')])
}, 60_000)

/** One connection: session and depacketizer, fed in pieces of `pieces` bytes; accepted when it asks. */
function connect(inputs: readonly Uint8Array[], pieces: number): Outcome {
  const session = new RtmpSession()
  const depacketizer = new FlvDepacketizer()
  let units = 0
  try {
    for (const bytes of inputs)
      for (let at = 0; at < bytes.byteLength; at += pieces)
        for (const event of session.receive(bytes.subarray(at, at + pieces))) {
          if (event.type === 'publish') session.accept()
          if (event.type !== 'media') continue
          for (const each of depacketizer.push(event.kind, event.timestampMs, event.body))
            if (each.type === 'unit') units++
        }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { units, isRefused: true }
  }
  return { units, isRefused: false }
}

test(`${MUTATIONS} mutated sessions`, () => {
  const random = seededRandom(1)
  let refused = 0
  let units = 0
  Bun.gc(true)
  const before = process.memoryUsage.rss()
  for (let index = 0; index < MUTATIONS; index++) {
    const { opening, media } = recordings[index % recordings.length]!
    // Half of them break the conversation, half the media; the first 40 KB hold every kind of message.
    const isOpening = index % 2 === 0
    const handshake = opening.subarray(0, HELLO)
    const commands = opening.subarray(HELLO)
    const start = media.subarray(0, 40_000)
    const inputs = isOpening ? [handshake, mutate(commands, random), start] : [opening, mutate(start, random)]
    const outcome = connect(inputs, index % 5 === 0 ? 1 + Math.floor(random() * 500) : 65_536)
    refused += outcome.isRefused ? 1 : 0
    units += outcome.units
  }
  Bun.gc(true)
  const grown = process.memoryUsage.rss() - before
  console.log(
    `${MUTATIONS} mutated RTMP sessions: ${refused} refused, ${units} access units read, ` +
      `memory ${(grown / 2 ** 20).toFixed(1)} MB`,
  )
  expect(refused).toBeGreaterThan(MUTATIONS / 10)
  expect(units).toBeGreaterThan(MUTATIONS)
  expect(grown).toBeLessThan(200 * 2 ** 20)
}, 120_000)

test('a mutated first message of a connection', () => {
  const random = seededRandom(2)
  for (let index = 0; index < 2_000; index++) connect([mutate(recordings[0]!.opening, random)], 700)
})

test('mutated configurations, frames and commands, each parser alone', () => {
  const random = seededRandom(3)
  const bodies = mediaBodies(recordings)
  const metadata = recordings[0]!.opening.subarray(HELLO)
  for (let index = 0; index < 20_000; index++) {
    const { kind, body } = bodies[index % bodies.length]!
    const config = mutate(body.subarray(kind === 'video' ? 5 : 2), random)
    onlyProtocolErrors(() => (kind === 'video' ? videoTrack(config) : audioTrack(config)))
    onlyProtocolErrors(() => new FlvDepacketizer().push(kind, index, mutate(body, random)))
    onlyProtocolErrors(() => decodeAmf0(mutate(metadata.subarray(12, 300), random)))
  }
})

/** The sequence headers and the first few small frames of each recording. */
function mediaBodies(all: readonly Recording[]): { kind: 'audio' | 'video'; body: Uint8Array }[] {
  return all.flatMap(({ opening, media }) => {
    const session = new RtmpSession()
    const bodies: { kind: 'audio' | 'video'; body: Uint8Array }[] = []
    for (const bytes of [opening, media])
      for (const event of session.receive(bytes)) {
        if (event.type === 'publish') session.accept()
        if (event.type === 'media' && event.body.byteLength < 500) bodies.push(event)
      }
    return bodies.slice(0, 8)
  })
}

function onlyProtocolErrors(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
  }
}
