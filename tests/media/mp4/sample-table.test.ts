import { expect, test } from 'bun:test'
import { readSegment, type SampleInfo } from '../../../media/mp4/demux.ts'
import { decodeSampleTable, encodeSampleTable } from '../../../media/mp4/sample-table.ts'
import { ProtocolError } from '../../../media/protocol-error.ts'
import { encode } from '../../hls/encoder.ts'
import { packageStream } from '../../hls/packaging.ts'
import { mutate, seededRandom } from '../rtmp/random.ts'

const SAMPLE = { dts: 5, duration: 3000, compositionOffset: 0, isKey: true, offset: 100, size: 7 }
const tables: readonly { name: string; samples: readonly SampleInfo[] }[] = [
  { name: 'none', samples: [] },
  { name: 'one', samples: [SAMPLE] },
  { name: 'far beyond 32 bits', samples: [{ ...SAMPLE, dts: 2 ** 51, offset: 2 ** 31, size: 2 ** 32 - 1 }] },
  {
    name: 'jumps back and forth, negative composition, no duration',
    samples: [
      SAMPLE,
      { ...SAMPLE, dts: 2, compositionOffset: -(2 ** 31), isKey: false, offset: 4 },
      { ...SAMPLE, dts: 900_000, compositionOffset: 2 ** 31, duration: 0, offset: 70_000, size: 0 },
    ],
  },
  {
    name: 'every value another',
    samples: Array.from({ length: 1000 }, (_, index) => ({
      ...SAMPLE,
      dts: index * index,
      duration: index * 7,
      compositionOffset: index - 500,
      size: 1000 - index,
      offset: index * 3,
    })),
  },
]

test.each(tables)('there and back: $name', ({ samples }) => {
  expect(decodeSampleTable(encodeSampleTable(samples))).toEqual([...samples])
})

test('real segments take less than five bytes a sample', async () => {
  const stream = await packageStream(await encode({ seconds: 8, video: ['-bf', '3'], size: '640x360' }))
  for (const name of ['source', 'audio'])
    for (const { init, data } of stream.get(name).segments) {
      const samples = readSegment(init!, data)
      const table = encodeSampleTable(samples)
      expect(decodeSampleTable(table)).toEqual([...samples])
      expect(table.byteLength / samples.length).toBeLessThan(5)
    }
})

test('cut off anywhere it is refused', () => {
  const table = encodeSampleTable(tables.at(-1)!.samples)
  for (let length = 0; length < table.byteLength; length++)
    expect(() => decodeSampleTable(table.subarray(0, length))).toThrow(ProtocolError)
})

test('20,000 mutated tables are refused or read, in bounded memory', () => {
  const random = seededRandom(11)
  const encoded = tables.map(({ samples }) => encodeSampleTable(samples))
  let refused = 0
  for (let index = 0; index < 20_000; index++) {
    const table = mutate(encoded[index % encoded.length]!, random)
    try {
      expect(decodeSampleTable(table).length).toBeLessThanOrEqual(table.byteLength)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      refused++
    }
  }
  expect(refused).toBeGreaterThan(5000)
  expect(refused).toBeLessThan(20_000)
}, 30_000)
