/** Sound whose clicks tell when they were made: encoded to AAC, decoded again, and found. */
import type { AccessUnit, AudioTrack } from '../../media/access-unit.ts'
import { audioTrack } from '../../media/codecs/aac.ts'
import { opusTrack } from '../../src/live/opus-run.ts'
import { oggOpus } from './ogg.ts'

const CLICK_MS = 3
const FREQUENCIES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000]

export interface Sound {
  readonly track: AudioTrack
  /** Their time stamps begin with zero and count samples. */
  readonly units: readonly AccessUnit[]
}

/** AAC of `seconds` of silence with a click at each of `clicksAt` (seconds). */
export async function encodeClicks(options: {
  seconds: number
  clicksAt: readonly number[]
  sampleRate: number
  channels: number
}): Promise<Sound> {
  const { seconds, clicksAt, sampleRate, channels } = options
  const samples = new Float32Array(seconds * sampleRate * channels)
  for (const at of clicksAt) {
    const first = Math.round(at * sampleRate)
    const length = (CLICK_MS * sampleRate) / 1000
    for (let index = 0; index < length; index++)
      for (let channel = 0; channel < channels; channel++)
        samples[(first + index) * channels + channel] =
          0.8 * Math.sin((index / sampleRate) * 2 * Math.PI * 2_000)
  }
  const input = ['-f', 'f32le', '-ar', `${sampleRate}`, '-ac', `${channels}`, '-i', 'pipe:0']
  const adts = await ffmpeg([...input, '-c:a', 'aac', '-b:a', '160k', '-f', 'adts', 'pipe:1'], samples)
  return readAdts(adts, sampleRate, channels)
}

function readAdts(bytes: Buffer, sampleRate: number, channels: number): Sound {
  // AudioSpecificConfig: AAC-LC, the rate's index, the channels (ISO/IEC 14496-3 1.6.2.1).
  const config = (2 << 11) | (FREQUENCIES.indexOf(sampleRate) << 7) | (channels << 3)
  const track = audioTrack(Uint8Array.of(config >> 8, config & 0xff))
  const units: AccessUnit[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = ((bytes[at + 3]! & 3) << 11) | (bytes[at + 4]! << 3) | (bytes[at + 5]! >> 5)
    const pts = units.length * track.samplesPerUnit
    units.push({ track, dts: pts, pts, isKey: true, data: bytes.subarray(at + 7, at + length) })
    at += length
  }
  return { track, units }
}

/** AAC-LC, 7 bytes without CRC: ISO/IEC 13818-7 6.2. */
function adtsHeader({ decoderConfig }: AudioTrack, frameBytes: number): Uint8Array {
  const config = (decoderConfig[0]! << 8) | decoderConfig[1]!
  const [frequency, channels] = [(config >> 7) & 15, (config >> 3) & 15]
  const length = frameBytes + 7
  const fixed = [
    0xff,
    0xf1,
    (1 << 6) | (frequency << 2) | (channels >> 2),
    ((channels & 3) << 6) | (length >> 11),
  ]
  return Uint8Array.of(...fixed, (length >> 3) & 0xff, ((length & 7) << 5) | 0x1f, 0xfc)
}

/** `units` as they are, each `seconds` later on its track's time line. */
export function delayed(units: readonly AccessUnit[], seconds: number): AccessUnit[] {
  return units.map(unit => {
    const pts = unit.pts + seconds * unit.track.timescale
    return { ...unit, dts: pts, pts }
  })
}

/** When an AAC player hears the clicks: seconds, by the time stamps. The units must follow each other closely. */
export async function clicksInAac({ track, units }: Sound): Promise<number[]> {
  const adts = units.flatMap(unit => [adtsHeader(track, unit.data.byteLength), unit.data])
  const pcm = await decode(['-f', 'aac'], Buffer.concat(adts), track.sampleRate)
  return findClicks(pcm, track.sampleRate).map(at => at + units[0]!.pts / track.timescale)
}

/** The same of Opus units; those around a jump of the time stamps are decoded each by their own. */
export async function clicksInOpus(units: readonly AccessUnit[]): Promise<number[]> {
  const { samplesPerUnit } = opusTrack
  const packets = units.map(unit => unit.data)
  const pcm = await decode(['-f', 'ogg', '-c:a', 'libopus'], oggOpus(packets, samplesPerUnit), 48_000)
  return findClicks(pcm, 48_000).map(at => {
    const unit = units[Math.floor((at * 48_000) / samplesPerUnit)]!
    return unit.pts / 48_000 + (at % (samplesPerUnit / 48_000))
  })
}

/** The middle of each click's energy, in seconds. */
function findClicks(pcm: Float32Array, sampleRate: number): number[] {
  const found: number[] = []
  const half = sampleRate * 0.02
  for (let at = 0; at < pcm.length; at++) {
    if (Math.abs(pcm[at]!) < 0.3) continue
    let [energy, moment] = [0, 0]
    for (let index = Math.max(0, Math.round(at - half)); index < Math.min(pcm.length, at + half); index++) {
      energy += pcm[index]! ** 2
      moment += index * pcm[index]! ** 2
    }
    found.push(moment / energy / sampleRate)
    at += sampleRate / 5
  }
  return found
}

async function decode(
  input: readonly string[],
  bytes: Uint8Array,
  sampleRate: number,
): Promise<Float32Array> {
  const output = ['-ac', '1', '-ar', `${sampleRate}`, '-f', 'f32le', 'pipe:1']
  const pcm = await ffmpeg([...input, '-i', 'pipe:0', ...output], bytes)
  return new Float32Array(pcm.buffer, pcm.byteOffset, Math.floor(pcm.byteLength / 4))
}

async function ffmpeg(args: readonly string[], input: Uint8Array | Float32Array): Promise<Buffer> {
  const bytes = new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
  const child = Bun.spawn(['ffmpeg', '-v', 'error', ...args], { stdin: bytes, stderr: 'inherit' })
  return Buffer.from(await new Response(child.stdout).arrayBuffer())
}
