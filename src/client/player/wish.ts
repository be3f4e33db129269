/** What the viewer has chosen. It outlives connections and changes of protocol. */
import { AUTO } from './state.ts'

export class Wish {
  #quality = AUTO
  #audioIndex = 0
  #timeMs: number | undefined
  #changing = new AbortController()

  /** A quality's name, or `auto`. */
  get quality(): string {
    return this.#quality
  }

  get audioIndex(): number {
    return this.#audioIndex
  }

  /** Where to play instead of live: capture time by the server's clock, milliseconds since the epoch. */
  get timeMs(): number | undefined {
    return this.#timeMs
  }

  /** WebRTC has neither the past nor another sound than the default. */
  get needsHls(): boolean {
    return this.#timeMs !== undefined || this.#audioIndex !== 0
  }

  /** Aborted at the next change of what decides the protocol. */
  get changed(): AbortSignal {
    return this.#changing.signal
  }

  /** The connection that plays takes it as it is. */
  set quality(name: string) {
    this.#quality = name
  }

  set audioIndex(index: number) {
    this.#change(() => {
      this.#audioIndex = index
    })
  }

  set timeMs(timeMs: number | undefined) {
    this.#change(() => {
      this.#timeMs = timeMs
    })
  }

  #change(apply: () => void): void {
    const { needsHls } = this
    apply()
    if (this.needsHls === needsHls) return
    this.#changing.abort()
    this.#changing = new AbortController()
  }
}
