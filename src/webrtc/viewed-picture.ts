/** The picture as one viewer gets it: which of its layers mediasoup is asked for, and which the viewer has chosen. */
import type { Consumer } from 'mediasoup/types'
import { AppError } from '../errors.ts'
import type { Bandwidth } from './bandwidth.ts'
import { LayerChoice } from './layer-choice.ts'
import type { Follow } from './replays.ts'
import type { LayerState } from './rtp-feed.ts'

/** A router far away hears of a start layer by then; one that does not lets its viewers wait. */
const START_LAYER_MS = 200
/** Who has got no start layer by then waits for the source's next key frame. */
const PATIENCE_MS = 3_000

/** The stream's picture, as a session needs it. */
export interface Picture {
  /** Lowest first, the source last; above it mediasoup has the start layers. */
  readonly layers: readonly LayerState[]
  /** Renditions are being made of it, so that a viewer short of bandwidth may get less than the source. */
  hasRenditions(): boolean
  /** What every viewer is sent, however little it is estimated to take, when `layer` is the lowest; whole bits per second. */
  floorBps(layer: number): number
  /** The viewer would gain by a key frame of the source. */
  requestKeyUnit(): void
  /**
   * A viewer without a picture follows a start layer (counted from 0); see `Replays.join`. Not one whose bandwidth is
   * estimated: by bandwidth mediasoup chooses no layer that is newer than another below it.
   */
  join(follow: Follow): () => void
}

/** What a viewer may choose, best first, what it gets, and what it has chosen. */
export interface LayerReport {
  readonly layers: readonly LayerState[]
  readonly current: string | null
  readonly pinned: string | null
}

export class ViewedPicture {
  readonly #consumer: Consumer
  readonly #picture: Picture
  readonly #bandwidth: Bandwidth
  /** The source; start layers are above. */
  readonly #top: number
  readonly #choice: LayerChoice
  /** Bandwidth is estimated. */
  readonly #hasEstimate: boolean
  #leaveStart: () => void = () => {}
  #patience: ReturnType<typeof setTimeout> | undefined

  constructor(options: { consumer: Consumer; picture: Picture; bandwidth: Bandwidth }) {
    const { consumer, picture } = options
    this.#consumer = consumer
    this.#picture = picture
    this.#bandwidth = options.bandwidth
    this.#top = picture.layers.length - 1
    this.#hasEstimate = consumer.rtpParameters.codecs.some(codec =>
      codec.rtcpFeedback?.some(feedback => feedback.type === 'transport-cc'),
    )
    this.#choice = this.#chooseLayers()
  }

  get report(): LayerReport {
    const { pinned, current } = this.#choice
    const { layers } = this.#picture
    // A start layer is the source's pictures.
    const nameOf = (layer: number | undefined) =>
      layer === undefined ? null : (layers[layer] ?? layers.at(-1)!).encodingId
    return { layers: layers.toReversed(), current: nameOf(current), pinned: nameOf(pinned) }
  }

  /**
   * The viewer gets this layer and no better one, and a lower one only while its bandwidth does not suffice; null: the
   * best that fits. Throws `AppError` INVALID `layer_unknown`.
   */
  pin(encodingId: string | null): void {
    if (encodingId === null) return this.#choice.pin(undefined)
    const { layers } = this.#picture
    const layer = layers.findIndex(each => each.encodingId === encodingId)
    if (layer < 0) {
      const names = layers.map(each => each.encodingId).toReversed()
      throw new AppError(
        'INVALID',
        'layer_unknown',
        `There is no such layer; there are: ${names.join(', ')}.`,
      )
    }
    this.#choice.pin(layer)
  }

  /** The viewer is connected, and is sent what comes from now on. */
  async begin(): Promise<void> {
    this.#picture.requestKeyUnit()
    // A picture of one layer has none to change between, so its one is the current one from the start.
    this.#choice.shown(this.#consumer.type === 'simple' ? 0 : undefined)
    // A rendition has a key frame soon.
    if (this.#hasEstimate || this.#picture.layers.slice(0, -1).some(each => each.isActive))
      return this.#resume()
    this.#leaveStart = this.#picture.join(layer => this.#follow(this.#top + 1 + layer))
    this.#patience = setTimeout(() => void this.#resume(), PATIENCE_MS)
  }

  /** Idempotent. */
  close(): void {
    clearTimeout(this.#patience)
    this.#leaveStart()
    this.#choice.close()
  }

  #chooseLayers(): LayerChoice {
    const consumer = this.#consumer
    const choice = new LayerChoice({
      reception: this.#reception,
      prefer: async layer => {
        if (layer === this.#top) this.#picture.requestKeyUnit()
        // It may close while the request is under way.
        await consumer.setPreferredLayers({ spatialLayer: layer }).catch(() => {})
      },
      search: this.#hasEstimate ? layer => this.#search(layer) : undefined,
    })
    consumer.on('layerschange', shown => {
      const layer = shown?.spatialLayer
      if (this.#hasEstimate && layer !== undefined && layer > (choice.current ?? layer))
        this.#bandwidth.reached(this.#bitrateBps(layer))
      else this.#bandwidth.stop()
      if (layer !== undefined && layer <= this.#top) this.#leaveStart()
      choice.shown(layer)
    })
    consumer.on('score', () => {
      choice.received(this.#reception)
      if (this.#hasEstimate) this.#keepFloor()
    })
    if (this.#hasEstimate) this.#keepFloor()
    return choice
  }

  get #reception() {
    const { score, producerScores } = this.#consumer.score
    return { score, isActive: producerScores.slice(0, this.#top + 1).map(each => each > 0) }
  }

  /**
   * It is resumed on the start layer: what it takes first sets the time stamps for it, and to change from anything to a
   * layer that has just begun it would have to wait a second for that one's sender report.
   */
  async #follow(layer: number): Promise<void> {
    await this.#heardOf(layer)
    await this.#choice.startOn(layer)
    await this.#resume()
  }

  async #resume(): Promise<void> {
    clearTimeout(this.#patience)
    // It may close while the request is under way; then there is nothing to resume.
    await this.#consumer.resume().catch(() => {})
  }

  /** mediasoup cannot choose a layer before its first packets. */
  async #heardOf(layer: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = () => {
      if (this.#consumer.score.producerScores[layer]! > 0) resolve()
    }
    const timer = setTimeout(resolve, START_LAYER_MS)
    this.#consumer.on('score', look)
    look()
    await promise
    clearTimeout(timer)
    this.#consumer.off('score', look)
  }

  /** mediasoup sends no picture at all where the estimate is below the lowest layer; there is nothing lower to go to. */
  #keepFloor(): void {
    const lowest = this.#reception.isActive.indexOf(true)
    if (lowest >= 0) this.#bandwidth.keep(this.#picture.floorBps(lowest))
  }

  /** The viewer may get `layer`, and has less. */
  #search(layer: number): void {
    const current = this.#choice.current
    void this.#bandwidth.search(
      this.#bitrateBps(layer),
      current === undefined ? 0 : this.#bitrateBps(current),
    )
  }

  #bitrateBps(layer: number): number {
    const { layers } = this.#picture
    return (layers[layer] ?? layers.at(-1)!).bitrateBps
  }
}
