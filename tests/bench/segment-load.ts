/** Asks a server for the segments of one rendition, in no order, as fast as it answers, from a process on another core. */
import { join } from 'node:path'
import { tempFolder } from '../support/temp-folder.ts'

/** What came within the time. */
export interface LoadReport {
  readonly requests: number
  readonly bytes: number
  readonly seconds: number
  readonly p99Ms: number
  /** Requests without an answer, or with one that is no success. */
  readonly failed: number
  /** How much of a core asking took. */
  readonly generatorCores: number
}

const CONNECTIONS = 32
const CLIENT = join(import.meta.dir, 'segment-client.ts')

/** `0.m4s` to `N.m4s` below `url`, by wrk where it is installed. */
export async function fetchFor(seconds: number, url: string, segments: number): Promise<LoadReport> {
  await using folder = await tempFolder('sluice-bench-')
  const script = join(folder.path, 'wrk.lua')
  await Bun.write(script, lua(new URL(url).pathname, segments))
  const wrk = Bun.which('wrk')
  const count = String(CONNECTIONS)
  const command = wrk
    ? [wrk, '-t1', '-c', count, '-d', `${seconds}s`, '-s', script, url]
    : [process.execPath, CLIENT, url, String(segments), count, String(seconds)]
  const child = Bun.spawn([...onCore(1), ...command], { stdout: 'pipe', stderr: 'inherit' })
  const text = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error(`${command[0]} failed: ${text}`)
  const { cpuTime } = child.resourceUsage()!
  const report = JSON.parse(text.slice(text.lastIndexOf('{'))) as Omit<LoadReport, 'generatorCores'>
  return { ...report, generatorCores: Number(cpuTime.total) / 1e6 / report.seconds }
}

/** Keeps a process with all its threads on one core, where there are several and the system can. */
export async function pin(pid: number, core: number): Promise<void> {
  const program = onCore(core)
  if (program.length > 0)
    await Bun.spawn(['taskset', '-a', '-p', '-c', String(core), String(pid)], { stdout: 'ignore' }).exited
}

function onCore(core: number): string[] {
  return Bun.which('taskset') && navigator.hardwareConcurrency > core ? ['taskset', '-c', String(core)] : []
}

/** Times are microseconds in wrk. Requests are written beforehand: to write one takes as long as to send one. */
function lua(path: string, segments: number): string {
  return `local requests = {}
init = function()
  for sequence = 0, ${segments - 1} do
    requests[sequence + 1] = wrk.format("GET", "${path}/" .. sequence .. ".m4s")
  end
end
request = function()
  return requests[math.random(${segments})]
end
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('{"requests":%d,"bytes":%d,"seconds":%f,"p99Ms":%f,"failed":%d}',
    summary.requests, summary.bytes, summary.duration / 1e6, latency:percentile(99) / 1e3, failed))
end
`
}
