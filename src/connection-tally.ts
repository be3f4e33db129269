/** Counts connections, in all and by address, against their limits. */

export class ConnectionTally {
  readonly #max: number
  readonly #maxPerAddress: number
  readonly #perAddress = new Map<string, number>()
  #count = 0

  constructor(max: number, maxPerAddress: number) {
    this.#max = max
    this.#maxPerAddress = maxPerAddress
  }

  /** Whether one more of `address` fits; if so it is counted. */
  add(address: string): boolean {
    const fromAddress = this.#perAddress.get(address) ?? 0
    if (this.#count >= this.#max || fromAddress >= this.#maxPerAddress) return false
    this.#count++
    this.#perAddress.set(address, fromAddress + 1)
    return true
  }

  /** For one that was counted. */
  remove(address: string): void {
    this.#count--
    const left = (this.#perAddress.get(address) ?? 1) - 1
    if (left === 0) this.#perAddress.delete(address)
    else this.#perAddress.set(address, left)
  }
}
