/** For how long viewers see nothing new when a publisher, a worker or an encoder dies. */

import type { ObservedPage } from '../support/browser.ts'
import {
  feedTimes,
  flowAfter,
  LOGGED,
  longestGap,
  pictureAfter,
  recordPictures,
} from '../support/pictures-shown.ts'
import { openPlayerPage } from '../support/player-page.ts'
import { descendants } from '../support/process-tree.ts'
import { encodeFile, publish } from '../support/publisher.ts'
import { distributionOf } from '../support/statistics.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Run } from './run.ts'
import { openSluice, type SluiceSystem } from './systems/sluice.ts'
import type { StreamAddresses, System } from './systems/system.ts'
import { openViewer } from './viewer.ts'

const DROPS = 10
const TAKEOVERS = 5
const WORKER_DEATHS = 3
const ENCODER_FAULTS = 3
/** An encoder that keeps dying is given up: the faults are further apart than its ladder remembers them together. */
const BETWEEN_FAULTS_MS = 31_000
const RUNG = { name: '360p', width: 640 }
const SETTLING_MS = 3_000

/** Peers end the stream instead, and have no ladder. */
export async function measureRecovery(run: Run): Promise<void> {
  if (!run.system.reencodes) return
  await using system = await openSluice(LOGGED)
  const own = { ...run, system }
  await measureReturn(own, 'webrtc', async stream => (await openViewer(own, stream, 'webrtc')).page)
  await measureReturn(own, 'hls', async stream => (await openViewer(own, stream, 'hls')).page)
  await measureReturn(own, 'hlsPage', stream => openPlayerPage(own.browser, stream.playerPage!, 'hls'))
  await measureTakeover(own)
  await measureBackup(own)
  await measureWorker(own)
  await measureEncoder(run)
}

type OwnRun = Run & { readonly system: SluiceSystem }

/** From the returned publisher's first key frame until pictures flow, to one viewer time after time. */
async function measureReturn(
  run: OwnRun,
  name: string,
  open: (stream: StreamAddresses) => Promise<ObservedPage>,
): Promise<void> {
  const { sluice } = run.system
  const stream = await run.system.newStream()
  const file = await encodeFile()
  let publisher = await publish(stream.publish, { codecCopyFrom: file })
  await using viewer = await open(stream)
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
    times.push((await flowAfter(viewer, fedAt)).at - fedAt)
    await Bun.sleep(SETTLING_MS)
  }
  await publisher.stop()
  tell(run, name, times)
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
  const gaps: number[] = []
  for (let takeover = 0; takeover < TAKEOVERS; takeover++) {
    const from = Date.now()
    const next = await publish(stream.publish, { codecCopyFrom: file })
    await publisher.exited
    publisher = next
    await Bun.sleep(SETTLING_MS)
    gaps.push(await longestGap(viewer, from))
  }
  tell(run, 'takeover', gaps)
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
  tell(run, 'backup', gaps)
}

async function measureWorker(run: OwnRun): Promise<void> {
  const stream = await run.system.newStream()
  await using _publisher = await publish(stream.publish, { stamped: true })
  await using viewer = (await openViewer(run, stream, 'player')).page
  await viewer.playing({ frames: 90 })
  const gaps: number[] = []
  for (let death = 0; death < WORKER_DEATHS; death++) {
    for (const pid of processesOf(run.system, 'mediasoup-worker')) process.kill(pid, 'SIGKILL')
    gaps.push((await viewer.readClock(10)).longestGapMs)
  }
  tell(run, 'worker', gaps)
}

/** A viewer who has pinned a rendition loses its encoder, which dies or hangs. */
async function measureEncoder(run: Run): Promise<void> {
  await using system = await openSluice({ LADDER: RUNG.name })
  const own = { ...run, system }
  const stream = await system.newStream()
  await using _publisher = await publish(stream.publish, { codecCopyFrom: await encodeFile() })
  await using viewer = (await openViewer(own, stream, 'webrtc')).page
  await viewer.playing({ frames: 90 })
  await recordPictures(viewer)
  await viewer.page.evaluate(layer => window.player.pinWhepLayer(layer), RUNG.name)
  await pictureAfter(viewer, Date.now(), RUNG.width)
  const gaps: number[] = []
  for (const [name, signal] of [
    ['killed', 'SIGKILL'],
    ['frozen', 'SIGSTOP'],
  ] as const) {
    const times: number[] = []
    for (let fault = 0; fault < ENCODER_FAULTS; fault++) {
      await Bun.sleep(BETWEEN_FAULTS_MS)
      const [encoder] = processesOf(system, 'libx264')
      if (encoder === undefined) throw new Error('the ladder was given up')
      const hurtAt = Date.now()
      process.kill(encoder, signal)
      await waitFor(() => processesOf(system, 'libx264').some(pid => pid !== encoder), {
        message: 'another encoder',
      })
      await pictureAfter(viewer, Date.now(), RUNG.width)
      await Bun.sleep(SETTLING_MS)
      times.push((await endOfLongestGap(viewer, hurtAt, RUNG.width)) - hurtAt)
      gaps.push(await longestGap(viewer, hurtAt))
    }
    tell(own, name, times)
  }
  tell(own, 'gap', gaps)
}

/** When pictures of this width came again, in milliseconds since the epoch. */
function endOfLongestGap({ page }: ObservedPage, since: number, width: number): Promise<number> {
  return page.evaluate(
    wanted => {
      const times = window.pictures!.shown.filter(each => each.width === wanted.width).map(({ at }) => at)
      let longest = { ms: 0, end: wanted.since }
      for (const [index, at] of times.entries()) {
        const ms = at - (times[index - 1] ?? at)
        if (at > wanted.since && ms > longest.ms) longest = { ms, end: at }
      }
      return longest.end
    },
    { since, width },
  )
}

function processesOf(system: System, name: string): number[] {
  return descendants(system.pid)
    .filter(({ command }) => command.includes(name))
    .map(({ pid }) => pid)
}

function tell(run: Run, name: string, times: readonly number[]): void {
  const { p50, max } = distributionOf([...times])
  run.report.add('Sluice', `recovery.${name}.p50`, p50)
  run.report.add('Sluice', `recovery.${name}.max`, max)
}
