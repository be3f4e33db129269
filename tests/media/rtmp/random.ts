/** Seeded chance, so that a failing mutation can be repeated. */

/** Mulberry32: numbers from 0 up to 1. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A copy of `bytes` with one to eight places flipped, overwritten, cut out, doubled or filled. */
export function mutate(bytes: Uint8Array, random: () => number): Uint8Array {
  let mutated: Uint8Array = new Uint8Array(bytes)
  const times = 1 + Math.floor(random() * 8)
  for (let index = 0; index < times && mutated.byteLength > 0; index++) {
    const at = Math.floor(random() * mutated.byteLength)
    const length = Math.min(1 + Math.floor(random() * 16), mutated.byteLength - at)
    const piece = mutated.subarray(at, at + length)
    switch (Math.floor(random() * 5)) {
      case 0:
        mutated[at] = mutated[at]! ^ (1 << Math.floor(random() * 8))
        break
      case 1:
        for (let offset = 0; offset < length; offset++) piece[offset] = Math.floor(random() * 256)
        break
      case 2:
        mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(at + length)])
        break
      case 3:
        mutated = Buffer.concat([mutated.subarray(0, at), piece, mutated.subarray(at)])
        break
      default:
        piece.fill(random() < 0.5 ? 0xff : 0)
    }
  }
  return mutated
}
