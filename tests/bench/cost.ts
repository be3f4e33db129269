/** What a server's processes cost: for a publisher, for its viewers, and for many publishers at once. */
import type { ObservedPage } from '../support/browser.ts'
import type { TreeCost } from '../support/process-tree.ts'
import { type EncodingOptions, encodeFile, type Publisher, publish } from '../support/publisher.ts'
import { waitFor } from '../support/wait-for.ts'
import { BUSY_PERCENT_FOR_COSTS, observe, type Run } from './run.ts'
import type { StreamAddresses } from './systems/system.ts'
import { addViewer, browserWays, openViewer } from './viewer.ts'

const SETTLING_MS = 5_000
const START_MS = 60_000
const FRAMES_PER_SECOND = 30
/** Below this, a further viewer got so little that its cost means nothing. */
const LEAST_SHARE_OF_FRAMES = 0.9

/** One publisher alone, then with one viewer; the same again with B-frames where they are re-encoded. */
export async function measureCost(run: Run): Promise<void> {
  await measureOnePublisher(run, 'passthrough', 0)
  if (run.system.reencodes) await measureOnePublisher(run, 'reencoded', 2)
}

async function measureOnePublisher(
  run: Run,
  kind: 'passthrough' | 'reencoded',
  bFrames: number,
): Promise<void> {
  const stream = await run.system.newStream()
  await using publisher = await publish(stream.publish, { codecCopyFrom: await loopFor(stream, { bFrames }) })
  const add = async (name: 'alone' | 'viewer') => {
    await Bun.sleep(SETTLING_MS)
    const { cost, doubts } = await charge(run, [publisher])
    run.report.add(run.system.name, `cpu.${kind}.${name}`, cost.cpuSecondsPerMinute, doubts)
    run.report.add(run.system.name, `rss.${kind}.${name}`, cost.rssMiB, doubts)
  }
  await add('alone')
  const [way] = browserWays(stream).filter(each => each !== 'video')
  if (!way) return
  await using viewer = (await openViewer(run, stream, way)).page
  await viewer.playing()
  await add('viewer')
}

/** The cost of N further WebRTC viewers, divided by N. */
export async function measureFanOut(run: Run): Promise<void> {
  const stream = await run.system.newStream()
  if (!stream.whep && !stream.janus) return
  await using publisher = await publish(stream.publish, { codecCopyFrom: await loopFor(stream) })
  await using viewer = (await openViewer(run, stream, 'webrtc')).page
  await viewer.playing()
  await Bun.sleep(SETTLING_MS)
  const one = await charge(run, [publisher])
  await addViewers(run, viewer, stream)
  await Bun.sleep(SETTLING_MS)
  const before = await viewer.rtp('video')
  const all = await charge(run, [publisher])
  const after = await viewer.rtp('video')
  const { viewers } = run.settings
  const expected = (viewers + 1) * FRAMES_PER_SECOND * all.cost.seconds
  const share = (after.framesDecoded - before.framesDecoded) / expected
  const doubts = [...one.doubts, ...all.doubts]
  if (share < LEAST_SHARE_OF_FRAMES)
    doubts.push(`${viewers + 1} viewers decoded only ${(100 * share).toFixed(0)} % of the frames`)
  const perViewer = (all.cost.corePercent - one.cost.corePercent) / viewers
  run.report.add(run.system.name, 'fanout.viewer', perViewer, doubts)
}

async function addViewers(run: Run, page: ObservedPage, stream: StreamAddresses): Promise<void> {
  const { viewers } = run.settings
  for (let added = 0; added < viewers; added++) await addViewer(page, stream)
  await waitFor(
    () =>
      page.page.evaluate(
        count =>
          window.observer.connections.filter(each => each.connectionState === 'connected').length > count,
        viewers,
      ),
    { timeoutMs: START_MS, message: `${viewers} further viewers to connect` },
  )
}

/** Many publishers with copied input, and what they do to the server's event loop. */
export async function measurePublishers(run: Run): Promise<void> {
  const { system, report } = run
  const file = await encodeFile()
  await using stack = new AsyncDisposableStack()
  const publishers: Publisher[] = []
  for (let index = 0; index < run.settings.publishers; index++) {
    const stream = await system.newStream()
    // Janus has one mount point, and takes one publisher for it.
    if (typeof stream.publish !== 'string') return
    publishers.push(stack.use(await publish(stream.publish, { codecCopyFrom: file })))
  }
  await waitUntilLive(run)
  await Bun.sleep(SETTLING_MS)
  await system.eventLoopP99Ms?.()
  const { cost, doubts } = await charge(run, publishers)
  const loopMs = await system.eventLoopP99Ms?.()
  const live = (await system.liveStreams?.()) ?? publishers.length
  report.add(system.name, 'publishers.live', live, doubts)
  if (loopMs !== undefined) report.add(system.name, 'publishers.loop', loopMs, doubts)
  else if (system.eventLoopP99Ms) report.note(`${system.name} tells no event loop delay in its metrics`)
  report.add(system.name, 'publishers.cpu', cost.cpuSecondsPerMinute / publishers.length, doubts)
  report.add(system.name, 'publishers.rss', cost.rssMiB, doubts)
}

/** Where a server tells; one that drops some shows it in `publishers.live`, so that time running out is no failure. */
async function waitUntilLive({ system, settings }: Run): Promise<void> {
  if (!system.liveStreams) return
  const deadline = performance.now() + START_MS
  while ((await system.liveStreams()) < settings.publishers && performance.now() < deadline)
    await Bun.sleep(250)
}

/** Copied input, so that publishers take nothing from the server's share of the machine. */
function loopFor(stream: StreamAddresses, options: EncodingOptions = {}): Promise<string> {
  return encodeFile(options, typeof stream.publish === 'string' ? 'flv' : 'mpegts')
}

/** Half as long as a delay is measured: the kernel counts in hundredths of a second. */
function charge(run: Run, publishers: readonly Publisher[]): Promise<{ cost: TreeCost; doubts: string[] }> {
  const options = { busyPercent: BUSY_PERCENT_FOR_COSTS, publishers }
  return observe(run, options, () => Bun.sleep(run.settings.seconds * 500))
}
