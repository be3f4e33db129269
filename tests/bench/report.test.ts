import { describe, expect, test } from 'bun:test'
import { Report, verdictOf } from './report.ts'

const result = { measure: 'delay.video.p50', system: 'Sluice', value: 44, doubts: [] }

describe('a verdict', () => {
  test('is reached up to the target itself', () => {
    expect(verdictOf({ ...result, value: 35 }, { atMost: 35 }, 'ms')).toBe('reached')
    expect(verdictOf({ ...result, value: 30 }, { atLeast: 30 }, '')).toBe('reached')
  })

  test('says by how much it was missed', () => {
    expect(verdictOf(result, { atMost: 35 }, 'ms')).toBe('missed by 9 ms')
    expect(verdictOf({ ...result, value: 22 }, { atLeast: 30 }, '')).toBe('missed by 8')
  })

  test('is none when the machine was too busy to tell', () => {
    expect(verdictOf({ ...result, value: 20, doubts: ['busy'] }, { atMost: 35 }, 'ms')).toBe(
      'does not count (!)',
    )
  })
})

describe('a report', () => {
  const report = new Report()
  report.add('Sluice', 'delay.video.p50', 28)
  report.add('Janus', 'delay.video.p50', 27)
  report.add('Janus', 'fanout.viewer', 0.613, ['the machine was 97 % busy'])
  report.note('nginx-rtmp: not installed: apt-get install nginx-light libnginx-mod-rtmp')

  test('has a row for each measure that was made, and a column for each system', () => {
    const [header, delay, fanOut, , doubt, note] = report.toTable().split('\n')
    expect(header!.trim().split(/ {2,}/)).toEqual(['Sluice', 'target', 'verdict', 'Janus'])
    expect(delay!.split(/ {2,}/)).toEqual([
      'WebRTC, video alone: delay p50',
      '28 ms',
      '≤ 35 ms',
      'reached',
      '27 ms',
    ])
    expect(fanOut!.split(/ {2,}/)).toEqual(['a further WebRTC viewer', '≤ 0.30 % core', '0.61 % core !'])
    expect(doubt).toBe('! Janus: the machine was 97 % busy')
    expect(note).toStartWith('nginx-rtmp: not installed')
  })

  test('as JSON says the same to a program', () => {
    const { results, machine, settings } = JSON.parse(report.toJson({ seconds: 60 }))
    expect(results[0]).toMatchObject({ system: 'Sluice', value: 28, unit: 'ms', verdict: 'reached' })
    expect(results).toHaveLength(3)
    expect(machine.cores).toBeGreaterThan(0)
    expect(settings).toEqual({ seconds: 60 })
  })

  test('refuses a measure that no row would show', () => {
    expect(() => report.add('Sluice', 'delay.video.p42', 1)).toThrow(RangeError)
  })
})
