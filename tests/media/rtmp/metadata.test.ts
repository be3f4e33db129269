import { expect, test } from 'bun:test'
import type { AmfValue } from '../../../media/rtmp/amf0.ts'
import { readMetadata } from '../../../media/rtmp/metadata.ts'

const soundsOf = (audioTrackIdInfoMap: AmfValue) =>
  readMetadata(['onMetaData', { audioTrackIdInfoMap }])!.sounds

test('announced sounds are read by their numbers, with the language where it is one', () => {
  expect(soundsOf({ '0': { language: 'en' }, '1': { lang: 'pt-BR' }, '2': { samplerate: 48_000 } })).toEqual([
    { trackId: 0, language: 'en' },
    { trackId: 1, language: 'pt-BR' },
    { trackId: 2, language: undefined },
  ])
  for (const language of ['', 'x', 'english!', 'de"\n#EXT', 7, null, 'a'.repeat(40)])
    expect(soundsOf({ '1': { language } })).toEqual([{ trackId: 1, language: undefined }])
})

test('what is no number of a track, or nothing about it, is left out, and there are eight at most', () => {
  expect(soundsOf({ '-1': {}, '256': {}, '1.5': {}, track: {}, '3': 'yes', '4': null })).toEqual([])
  for (const map of [undefined, null, 'sounds', [{}]]) expect(soundsOf(map as AmfValue)).toEqual([])
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [String(index), {}]))
  expect(soundsOf(many)).toHaveLength(8)
})
