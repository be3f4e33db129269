/** Collects what was measured, and says it in one table or as JSON. */
import { arch, availableParallelism, cpus, release, totalmem } from 'node:os'
import { type Measure, measures, type Target, type Unit } from './measures.ts'

export interface Result {
  readonly measure: string
  readonly system: string
  readonly value: number
  /** Why the value must not be believed; empty when it may. */
  readonly doubts: readonly string[]
}

/** The system that the targets are about. */
const SUBJECT = 'Sluice'
const GAP = '  '

export class Report {
  readonly #results: Result[] = []
  readonly #notes: string[] = []
  readonly #startedAt = new Date()

  /** Throws RangeError for a measure that no row shows. */
  add(system: string, measure: string, value: number, doubts: readonly string[] = []): void {
    if (!measures.some(each => each.id === measure)) throw new RangeError(`no such measure: ${measure}`)
    this.#results.push({ measure, system, value, doubts })
  }

  /** A line below the table. */
  note(text: string): void {
    this.#notes.push(text)
  }

  /** One row for each measure that anyone has a value for, one column for each system. */
  toTable(): string {
    const systems = [...new Set([SUBJECT, ...this.#results.map(result => result.system)])]
    const rows = measures
      .filter(measure => this.#results.some(result => result.measure === measure.id))
      .map(measure => this.#row(measure, systems))
    const [first, ...peers] = systems
    const header = ['', first!, 'target', 'verdict', ...peers]
    return [...align([header, ...rows]), '', ...this.#doubts(), ...this.#notes].join('\n')
  }

  toJson(settings: object): string {
    const results = this.#results.map(result => {
      const { label, unit, target } = measureOf(result.measure)
      const verdict = result.system === SUBJECT && target ? verdictOf(result, target, unit) : undefined
      return { ...result, label, unit, target, verdict }
    })
    const machine = {
      cpu: cpus()[0]?.model,
      cores: availableParallelism(),
      memoryMiB: Math.round(totalmem() / 1_048_576),
      system: `${process.platform} ${release()} ${arch()}`,
      bun: Bun.version,
    }
    return JSON.stringify({ at: this.#startedAt, machine, settings, results, notes: this.#notes }, null, 2)
  }

  #row(measure: Measure, systems: readonly string[]): string[] {
    const [subject, ...peers] = systems.map(system => this.#find(measure.id, system))
    const { target, unit } = measure
    return [
      measure.label,
      subject ? cellOf(subject, unit) : '',
      target ? describe(target, unit) : '',
      subject && target ? verdictOf(subject, target, unit) : '',
      ...peers.map(result => (result ? cellOf(result, unit) : '')),
    ]
  }

  #find(measure: string, system: string): Result | undefined {
    return this.#results.find(result => result.measure === measure && result.system === system)
  }

  #doubts(): string[] {
    const doubts = this.#results.flatMap(({ system, doubts }) => doubts.map(doubt => `! ${system}: ${doubt}`))
    return [...new Set(doubts)]
  }
}

/** `reached`, `missed by 9 ms`, or that the run does not count. */
export function verdictOf(result: Result, target: Target, unit: Unit): string {
  if (result.doubts.length > 0) return 'does not count (!)'
  const excess = 'atMost' in target ? result.value - target.atMost : target.atLeast - result.value
  return excess <= 0 ? 'reached' : `missed by ${format(excess, unit)}`
}

function measureOf(id: string): Measure {
  return measures.find(measure => measure.id === id)!
}

function cellOf(result: Result, unit: Unit): string {
  return `${format(result.value, unit)}${result.doubts.length > 0 ? ' !' : ''}`
}

function describe(target: Target, unit: Unit): string {
  return 'atMost' in target ? `≤ ${format(target.atMost, unit)}` : `≥ ${format(target.atLeast, unit)}`
}

const decimals: Readonly<Record<Unit, number>> = {
  ms: 0,
  s: 1,
  's/min': 2,
  MiB: 0,
  'MiB/s': 0,
  'MiB/min': 1,
  KiB: 1,
  '% core': 2,
  '×': 2,
  '': 0,
}

function format(value: number, unit: Unit): string {
  return `${value.toFixed(decimals[unit])}${unit && ` ${unit}`}`
}

/** The first column to the left, the others to the right. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(cells => cells[column]!.length)))
  return rows.map(cells =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join(GAP)
      .trimEnd(),
  )
}
