/** LADDER: what is taken, and that a wrong one stops the start with words that say what is right. */
import { expect, test } from 'bun:test'
import { loadConfig } from '../../src/config.ts'

test('nothing, auto, off, or a list in any order', () => {
  expect(loadConfig({}).ladder).toBe('auto')
  expect(loadConfig({ LADDER: 'off' }).ladder).toBe('off')
  expect(loadConfig({ LADDER: '240p, 720p,480p' }).ladder).toEqual(['720p', '480p', '240p'])
})

const wrong = ['none', '720', '720p,', '720p,720p', '119p', '2161p', '720p;480p', '6p,7p', 'auto,480p']
for (const LADDER of [...wrong, '144p,240p,360p,480p,720p,1080p'])
  test(`LADDER=${LADDER} is refused`, () => {
    expect(() => loadConfig({ LADDER })).toThrow(/LADDER: must be auto, off, or up to 5 different heights/)
  })
