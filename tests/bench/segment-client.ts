/** `bun segment-client.ts URL SEGMENTS CONNECTIONS SECONDS`: says what came, as wrk's script in segment-load.ts does. */
import { distributionOf } from '../support/statistics.ts'

const [url = '', segments, connections, seconds] = Bun.argv.slice(2)
const times: number[] = []
let bytes = 0
let failed = 0
const begun = performance.now()
const endsAt = begun + Number(seconds) * 1000

async function ask(): Promise<void> {
  while (performance.now() < endsAt) {
    const startedAt = performance.now()
    const response = await fetch(`${url}/${Math.floor(Math.random() * Number(segments))}.m4s`)
    bytes += (await response.arrayBuffer()).byteLength
    times.push(performance.now() - startedAt)
    if (!response.ok) failed++
  }
}

await Promise.all(Array.from({ length: Number(connections) }, ask))
const report = { requests: times.length, bytes, seconds: (performance.now() - begun) / 1000 }
console.log(JSON.stringify({ ...report, p99Ms: distributionOf(times).p99, failed }))
