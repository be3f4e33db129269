import { expect, test } from 'bun:test'
import { distributionOf } from '../support/statistics.ts'
import { publisherDelaysMs } from './encoder-delay.ts'

test('an encoder with B-frames holds its pictures longer than one without', async () => {
  const size = '320x180'
  const direct = distributionOf(await publisherDelaysMs({ size }, 2))
  const reordered = distributionOf(await publisherDelaysMs({ size, bFrames: 2 }, 2))
  expect(direct.min).toBeGreaterThanOrEqual(0)
  expect(reordered.min).toBeGreaterThan(direct.p50)
}, 60_000)
