/** For how long viewers see nothing new when a publisher or a worker dies. */

import { feedTimes, LOGGED, longestGap, pictureAfter, recordPictures } from '../support/pictures-shown.ts'
import { descendants } from '../support/process-tree.ts'
import { encodeFile, publish } from '../support/publisher.ts'
import { distributionOf } from '../support/statistics.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Run } from './run.ts'
import { openSluice, type SluiceSystem } from './systems/sluice.ts'
import { openViewer } from './viewer.ts'

const DROPS = 10
const TAKEOVERS = 5
const SETTLING_MS = 3_000

/** Medians, but for the takeover, where the worst counts. Peers end the stream instead. */
export async function measureRecovery(run: Run): Promise<void> {
  if (!run.system.reencodes) return
  await using system = await openSluice(LOGGED)
  const own = { ...run, system }
  await measureReturn(own, 'webrtc')
  await measureReturn(own, 'hls')
  await measureTakeover(own)
  await measureBackup(own)
  await measureWorker(own)
}

type OwnRun = Run & { readonly system: SluiceSystem }

/** From the returned publisher's first key frame to the first picture after it. */
async function measureReturn(run: OwnRun, way: 'webrtc' | 'hls'): Promise<void> {
  const { sluice } = run.system
  const stream = await run.system.newStream()
  const file = await encodeFile()
  let publisher = await publish(stream.publish, { codecCopyFrom: file })
  await using viewer = (await openViewer(run, stream, way)).page
  await viewer.playing({ frames: 90 })
  await recordPictures(viewer)
  const times: number[] = []
  for (let drop = 0; drop < DROPS; drop++) {
    publisher.kill('SIGKILL')
    await publisher.exited
    await Bun.sleep(SETTLING_MS)
    const fed = feedTimes(sluice).length
    publisher = await publish(stream.publish, { codecCopyFrom: file })
    const fedAt = await waitFor(() => feedTimes(sluice)[fed], { message: 'the publisher to be back' })
    times.push((await pictureAfter(viewer, fedAt)).at - fedAt)
    await Bun.sleep(SETTLING_MS)
  }
  await publisher.stop()
  run.report.add('Sluice', `recovery.${way}`, distributionOf(times).p50)
}

async function measureTakeover(run: OwnRun): Promise<void> {
  const { sluice } = run.system
  const channel = await sluice.createChannel('bench-takeover')
  await channel.client.channels.updateSettings.mutate({ channelId: channel.id, secondPublisher: 'takeover' })
  const stream = { publish: channel.publishUrl, whep: channel.whepUrl }
  const file = await encodeFile()
  let publisher = await publish(stream.publish, { codecCopyFrom: file })
  await using viewer = (await openViewer(run, stream, 'webrtc')).page
  await viewer.playing({ frames: 90 })
  await recordPictures(viewer)
  for (let takeover = 0; takeover < TAKEOVERS; takeover++) {
    const next = await publish(stream.publish, { codecCopyFrom: file })
    await publisher.exited
    publisher = next
    await Bun.sleep(SETTLING_MS)
  }
  run.report.add('Sluice', 'recovery.takeover', await longestGap(viewer))
  await publisher.stop()
}

async function measureBackup(run: OwnRun): Promise<void> {
  const gaps: number[] = []
  for (let switched = 0; switched < TAKEOVERS; switched++) {
    const stream = await run.system.newStream()
    const file = await encodeFile()
    await using primary = await publish(stream.publish, { codecCopyFrom: file })
    await using _backup = await publish(`${stream.publish}?backup=1`, { codecCopyFrom: file })
    await using viewer = (await openViewer(run, stream, 'webrtc')).page
    await viewer.playing({ frames: 90 })
    await recordPictures(viewer)
    primary.kill('SIGKILL')
    await Bun.sleep(SETTLING_MS)
    gaps.push(await longestGap(viewer))
  }
  run.report.add('Sluice', 'recovery.backup', distributionOf(gaps).p50)
}

async function measureWorker(run: OwnRun): Promise<void> {
  const stream = await run.system.newStream()
  await using _publisher = await publish(stream.publish, { stamped: true })
  await using viewer = (await openViewer(run, stream, 'player')).page
  await viewer.playing({ frames: 90 })
  for (const { pid, command } of descendants(run.system.pid))
    if (command.includes('mediasoup-worker')) process.kill(pid, 'SIGKILL')
  const { longestGapMs } = await viewer.readClock(10)
  run.report.add('Sluice', 'recovery.worker', longestGapMs)
}
