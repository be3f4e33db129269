/** What Prometheus is told. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { LadderStatistics, Ladders } from '../live/ladders.ts'
import type { Live } from '../live/live.ts'
import type { Delays, ViewerDelays } from '../live/viewer-delays.ts'

/** The default of 10 ms would be half of what an idle server costs. */
const EVENT_LOOP_SAMPLE_MS = 50
/** So many streams, those with the most viewers, have time series of their own. */
const MAX_STREAM_SERIES = 100

type Running = Pick<Live, 'list'>

/** What the chat has done on this instance since the start. */
export interface ChatCounts {
  /** Open now, by the way in: `websocket`, `sse`, `irc`. */
  readonly connections: Readonly<Record<string, number>>
  readonly messages: number
  /** An event that went to a thousand connections counts a thousand. */
  readonly deliveries: number
  readonly droppedReaders: number
  readonly isBusConnected: boolean
}

/** What is told of the chat. */
export interface ChatFigures {
  readonly counts: ChatCounts
  /** Who is in the chats by this instance: people. */
  readonly people: { readonly ownChatters: number }
}

type LadderCounts = Pick<Ladders, 'statistics'>

/** The process's metrics (event-loop delay among them), what is live, viewers' delay, and how the ladders do. */
export function createMetrics(
  live: Running,
  delays: ViewerDelays,
  ladders?: LadderCounts,
  chat?: ChatFigures,
): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS })
  new Gauge({
    name: 'sluice_live_streams',
    help: 'Streams that run on this instance',
    registers: [registry],
    collect() {
      this.set(live.list().length)
    },
  })
  new Gauge({
    name: 'sluice_viewers',
    help: 'People who watch streams on this instance, each once for each stream',
    registers: [registry],
    collect() {
      this.set(live.list().reduce((sum, stream) => sum + stream.viewerCount, 0))
    },
  })
  new Gauge({
    name: 'sluice_viewer_sessions',
    help: 'Sessions of players on this instance; one person may have several',
    registers: [registry],
    collect() {
      this.set(live.list().reduce((sum, stream) => sum + stream.sessionCount, 0))
    },
  })
  addDelayMetrics(registry, live, delays)
  if (ladders) addLadderMetrics(registry, ladders)
  if (chat) addChatMetrics(registry, chat)
  return registry
}

function addChatMetrics(registry: Registry, { counts: chat, people }: ChatFigures): void {
  const registers = [registry]
  new Gauge({
    name: 'sluice_chatters',
    help: 'People in the chats by this instance, each once for each chat; one may have several connections',
    registers,
    collect() {
      this.set(people.ownChatters)
    },
  })
  new Gauge({
    name: 'sluice_chat_connections',
    help: 'Connections to the chat on this instance',
    labelNames: ['way'],
    registers,
    collect() {
      for (const [way, count] of Object.entries(chat.connections)) this.set({ way }, count)
    },
  })
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name: `sluice_chat_${name}_total`,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  counter('messages', 'Messages that were stored by this instance', () => chat.messages)
  counter('deliveries', 'Events handed to connections, once for each', () => chat.deliveries)
  counter('dropped_readers', 'Connections closed since they took too little', () => chat.droppedReaders)
  new Gauge({
    name: 'sluice_chat_bus_connected',
    help: '1: this instance hears the others, or is alone',
    registers,
    collect() {
      this.set(chat.isBusConnected ? 1 : 0)
    },
  })
}

function addLadderMetrics(registry: Registry, ladders: LadderCounts): void {
  const gauge = (name: string, help: string, read: (now: LadderStatistics) => number) =>
    new Gauge({
      name: `sluice_ladder_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read(ladders.statistics))
      },
    })
  const counter = (name: string, help: string, read: (now: LadderStatistics) => number) =>
    new Counter({
      name: `sluice_ladder_${name}_total`,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(read(ladders.statistics))
      },
    })
  gauge('renditions', 'Renditions that are being made', now => now.rungs)
  gauge('lag_seconds', 'How late the latest of them is', now => now.maxLagMs / 1000)
  gauge('pixels_per_second', 'What is encoded, as the budget counts it', now => now.usedPixelsPerSecond)
  gauge('budget_pixels_per_second', 'What may be encoded', now => now.budgetPixelsPerSecond)
  counter('restarts', 'Encoders of renditions that died or hung', now => now.restarts)
  counter('shed', 'Renditions given up because the machine could not keep up', now => now.shed)
  counter('dropped_pictures', 'Pictures that encoders of renditions did not get', now => now.droppedUnits)
}

/**
 * Gauges, since the quantiles are of the viewers at this moment. A stream's are a metric of their own: under one name,
 * a sum over its labels would count every viewer twice.
 */
function addDelayMetrics(registry: Registry, live: Running, delays: ViewerDelays): void {
  const registers = [registry]
  const ofAll = () => delays.of(live.list().map(stream => stream.identity.id))
  new Gauge({
    name: 'sluice_viewer_delay_seconds',
    help: 'Delay from the camera to the screen, over the viewers of all streams',
    labelNames: ['protocol', 'quantile'],
    registers,
    collect() {
      this.reset()
      setQuantiles(this, ofAll(), {})
    },
  })
  new Gauge({
    name: 'sluice_viewer_delay_viewers',
    help: 'Viewers whose player has told its delay in the last 30 s',
    labelNames: ['protocol'],
    registers,
    collect() {
      const all = ofAll()
      for (const protocol of ['webrtc', 'hls'] as const) this.set({ protocol }, all[protocol]?.viewers ?? 0)
    },
  })
  new Gauge({
    name: 'sluice_stream_viewer_delay_seconds',
    help: `Delay from the camera to the screen of a stream's viewers; the ${MAX_STREAM_SERIES} streams with the most viewers`,
    labelNames: ['slug', 'protocol', 'quantile'],
    registers,
    collect() {
      this.reset()
      const counted = live.list().map(({ identity, sessionCount }) => ({ identity, sessionCount }))
      const ranked = counted.sort((a, b) => b.sessionCount - a.sessionCount)
      for (const { identity } of ranked.slice(0, MAX_STREAM_SERIES))
        setQuantiles(this, delays.of([identity.id]), { slug: identity.slug })
    },
  })
}

function setQuantiles(gauge: Gauge, delays: Delays, labels: Record<string, string>): void {
  for (const [protocol, { p50Ms, p95Ms }] of Object.entries(delays)) {
    gauge.set({ ...labels, protocol, quantile: '0.5' }, p50Ms / 1000)
    gauge.set({ ...labels, protocol, quantile: '0.95' }, p95Ms / 1000)
  }
}
