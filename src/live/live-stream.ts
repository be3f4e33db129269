/**
 * One running stream: the outputs its viewers hold on to, and the broadcast that feeds them now. It outlives its
 * broadcasts: a publisher that drops may return within the grace period, another may take over, a backup stands by.
 */
import type { AccessUnit, AudioTrack, Tracks } from '../../media/access-unit.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { StreamsService } from '../streams/service.ts'
import { aacTrackOf } from './aac-run.ts'
import { Broadcast, type Sink } from './broadcast.ts'
import type { ChannelRules } from './channel-rules.ts'
import { IngestPolicy, refusalOf } from './ingest-policy.ts'
import { Input, type InputHost, type InputRole } from './input.ts'
import { alreadyLive, InputSwitch } from './input-switch.ts'
import type { OpenOutput, Output, StreamIdentity } from './output.ts'
import type { Publication, Publisher } from './publication.ts'
import { SoundConverter } from './sound-converter.ts'

const CHECK_INTERVAL_MS = 1_000

/** The stream's record, as far as the live session writes it. */
export type StreamRecords = Pick<StreamsService, 'goLive' | 'reconnect' | 'end'>

/** Makes the ladder of a broadcast, before its outputs attach; undefined: none. */
export type OpenLadder = (broadcast: Broadcast) => Sink | undefined

interface LiveStreamOptions {
  readonly identity: StreamIdentity
  readonly rules: ChannelRules
  readonly records: StreamRecords
  readonly outputs: readonly OpenOutput[]
  readonly openLadder?: OpenLadder | undefined
  readonly reconnectGraceMs: number
  /** A publisher was thrown out for what it sent. */
  readonly onRefused: (reason: AppError) => void
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export class LiveStream implements InputHost {
  readonly identity: StreamIdentity
  /** Resolves when the stream has ended and everything of it is released. */
  readonly closed: Promise<Error | undefined>
  readonly #options: LiveStreamOptions
  readonly #outputs: readonly Output[]
  readonly #resolveClosed: (cause: Error | undefined) => void
  readonly #startedAt: number
  #rules: ChannelRules
  #policy: IngestPolicy
  #checkedAt = 0
  readonly #inputs = new InputSwitch()
  #broadcast: Broadcast | undefined
  /** The broadcasts before; an ffmpeg of theirs may take a while to end. */
  #earlier: Promise<unknown> = Promise.resolve()
  /** Writes of the record, one after the other. */
  #record: Promise<void> = Promise.resolve()
  #status: 'starting' | 'live' | 'reconnecting' = 'starting'
  #grace: ReturnType<typeof setTimeout> | undefined
  #isGraceOver = false
  #ending: Promise<void> | undefined

  private constructor(options: LiveStreamOptions, outputs: readonly Output[]) {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.identity = options.identity
    this.closed = promise
    this.#resolveClosed = resolve
    this.#options = options
    this.#outputs = outputs
    this.#rules = options.rules
    this.#startedAt = options.now()
    this.#policy = new IngestPolicy(options.rules, this.#startedAt)
  }

  /** Opens every output; when one fails, closes the others, ends the record and throws. */
  static async open(options: LiveStreamOptions): Promise<LiveStream> {
    const results = await Promise.allSettled(options.outputs.map(open => open(options.identity)))
    const outputs = results.filter(result => result.status === 'fulfilled').map(result => result.value)
    const failure = results.find(result => result.status === 'rejected')
    const stream = new LiveStream(options, outputs)
    if (failure) {
      await stream.end()
      throw failure.reason
    }
    return stream
  }

  /** What feeds the outputs; of a publisher that has dropped, undefined. */
  get broadcast(): Broadcast | undefined {
    return this.#broadcast
  }

  get status(): 'starting' | 'live' | 'reconnecting' {
    return this.#status
  }

  get isEnding(): boolean {
    return this.#ending !== undefined
  }

  get sessionCount(): number {
    return this.#outputs.reduce((sum, output) => sum + output.viewerCount, 0)
  }

  /** People, however many sessions each has. */
  get viewerCount(): number {
    return this.viewerKeys().size
  }

  /** Who watches, each once over every output. Costs by the number of viewers: not for every request. */
  viewerKeys(): Set<string> {
    return new Set(this.#outputs.flatMap(output => [...output.viewerKeys()]))
  }

  /** The publishers that are connected, and which of them viewers see. */
  get inputs(): { role: InputRole; publisher: Publisher; isActive: boolean; isStalled: boolean }[] {
    return this.#inputs.all.map(input => ({
      role: input.role,
      publisher: input.publisher,
      isActive: input === this.#inputs.active,
      isStalled: input.isStalled,
    }))
  }

  /**
   * Another publisher of the channel: the first, one that returns, one that takes over, or a backup. Throws `AppError`
   * CONFLICT (`channel_already_live`) where one of that role is alive and the channel's rules keep it.
   */
  join(publisher: Publisher, role: InputRole, rules: ChannelRules): Publication {
    if (this.#ending) throw alreadyLive()
    const { slug } = this.identity
    const input = new Input({ role, publisher, slug, host: this, now: this.#options.now })
    const displaced = this.#inputs.add(input, rules.secondPublisher)
    // Only those of one who is let in; limits count at once.
    this.#rules = rules
    this.#policy.use(rules)
    if (displaced) expel(displaced, takenOver())
    this.#options.log.info({ role, remoteAddress: publisher.remoteAddress }, 'publisher joined')
    return input
  }

  /** The owner wants this input from its next key frame on. Throws `AppError` CONFLICT `input_absent`. */
  prefer(role: InputRole): void {
    this.#inputs.prefer(role)
  }

  inputStarted(input: Input): void {
    const refusal = refusalOf(this.#policy.checkTracks(input.tracks!))
    if (refusal) expel(input, refusal)
    else if (input === this.#inputs.active) this.#startBroadcast(input)
  }

  inputWrote(input: Input, unit: AccessUnit): void {
    if (this.#ending) return
    if (input !== this.#inputs.active) {
      if (unit.track !== input.tracks?.video || !unit.isKey || this.#choose() !== input) return
      this.#activate(input)
    }
    this.#broadcast?.write(unit)
    if (this.#options.now() - this.#checkedAt >= CHECK_INTERVAL_MS) this.#enforce(input)
  }

  inputLeft(input: Input, isOrderly: boolean, cause: Error | undefined): void {
    this.#options.log.info({ role: input.role, isOrderly, reason: cause?.message }, 'publisher left')
    const wasActive = input === this.#inputs.active
    this.#inputs.remove(input)
    if (cause instanceof AppError && cause.kind === 'INVALID') this.#options.onRefused(cause)
    if (wasActive) this.#closeBroadcast(cause)
    // One that works takes over at its next key frame.
    if (this.#inputs.active || this.#ending || this.#choose()) return
    const isOver = isOrderly || this.#status === 'starting' || this.#isGraceOver
    if (this.inputs.length === 0 && isOver) void this.end()
    else if (this.#status === 'live') this.#awaitReturn()
  }

  /** Ends the stream for good: record, outputs, viewers, and the publishers when there is a `reason`. Idempotent. */
  end(reason?: AppError): Promise<void> {
    if (this.#ending) return this.#ending
    clearTimeout(this.#grace)
    this.#ending = this.#end(reason)
    // Only now: a publisher answers this by leaving.
    if (reason) for (const { publisher } of this.inputs) publisher.disconnect(reason)
    return this.#ending
  }

  /** The channel's limits, by what was measured. Who has streamed for too long gets no grace. */
  #enforce(input: Input): void {
    const now = this.#options.now()
    this.#checkedAt = now
    const warn = (message: string) => input.publisher.warn?.(message)
    const refusal = this.#broadcast && this.#policy.enforce(this.#broadcast, now, warn)
    if (!refusal) return
    if (refusal.reason === 'session_too_long') void this.end(refusal)
    else expel(input, refusal)
  }

  #choose(): Input | undefined {
    return this.#inputs.choose(this.#rules.backupReturn)
  }

  /** At its key frame: what it sends from now on is the stream. */
  #activate(input: Input): void {
    clearTimeout(this.#grace)
    this.#isGraceOver = false
    const beaten = this.#inputs.activate(input)
    if (beaten) expel(beaten, takenOver())
    // What another one has broken is not this one's.
    this.#policy = new IngestPolicy(this.#rules, this.#startedAt)
    this.#options.log.info({ role: input.role }, 'publisher feeds the stream')
    this.#startBroadcast(input)
  }

  /** The publisher's tracks are known, or have changed. */
  #startBroadcast(input: Input): void {
    this.#closeBroadcast()
    if (this.#ending || !input.tracks) return
    const { log, now, openLadder } = this.#options
    const { tracks } = input
    const converted = convertedSounds(tracks)
    const broadcast = new Broadcast({
      tracks,
      converted,
      log,
      now,
      onFirstKeyUnit: () => this.#goLive(),
      onKeyUnitRequested: () => input.publisher.requestKeyFrame?.(),
    })
    // Known first, so that what was attached is closed with the stream when a later output cannot attach.
    this.#broadcast = broadcast
    const ladder = openLadder?.(broadcast)
    if (ladder) broadcast.addSink(ladder)
    for (const [track, target] of converted)
      broadcast.addSink(new SoundConverter(broadcast, track, target, log))
    for (const output of this.#outputs) broadcast.addSink(output.attach(broadcast))
  }

  #closeBroadcast(cause?: Error): void {
    if (this.#broadcast) this.#earlier = Promise.all([this.#earlier, this.#broadcast.close(cause)])
    this.#broadcast = undefined
  }

  /** Nobody feeds the stream: viewers wait for a publisher, for as long as the grace period. */
  #awaitReturn(): void {
    const { reconnectGraceMs } = this.#options
    if (reconnectGraceMs === 0) return void this.end()
    this.#status = 'reconnecting'
    this.#write(records => records.reconnect(this.identity.id))
    this.#grace = setTimeout(() => this.#endGrace(), reconnectGraceMs)
  }

  /** Who has connected again by now may still begin. */
  #endGrace(): void {
    this.#isGraceOver = true
    if (this.inputs.length === 0) void this.end()
  }

  #goLive(): void {
    if (this.#status === 'live') return
    this.#status = 'live'
    this.#write(records => records.goLive(this.identity.id))
  }

  #write(work: (records: StreamRecords) => Promise<void>): void {
    const { records, log } = this.#options
    this.#record = this.#record
      .then(() => work(records))
      .then(() => log.info({ status: this.#status }, 'stream status'))
      .catch(err => log.error({ err }, 'the status of the stream could not be stored'))
  }

  async #end(reason: AppError | undefined): Promise<void> {
    const { log } = this.#options
    this.#closeBroadcast(reason)
    await this.#earlier
    const results = await Promise.allSettled(this.#outputs.map(output => output.close()))
    for (const result of results)
      if (result.status === 'rejected') log.error({ err: result.reason }, 'an output failed to close')
    this.#write(records => records.end(this.identity.id))
    await this.#record
    log.info('ended')
    this.#resolveClosed(reason)
  }
}

/** What each sound in Opus is as AAC. */
function convertedSounds({ audio, alternateAudio = [] }: Tracks): Map<AudioTrack, AudioTrack> {
  const sounds = [...(audio ? [audio] : []), ...alternateAudio]
  return new Map(sounds.filter(({ codec }) => codec === 'opus').map(track => [track, aacTrackOf(track)]))
}

/** It is out at once, whenever its connection ends. */
function expel(input: Input, reason: AppError): void {
  input.leave({ isOrderly: false, cause: reason })
  input.publisher.disconnect(reason)
}

function takenOver(): AppError {
  return new AppError('CONFLICT', 'taken_over', 'Another encoder has taken over this channel.')
}
