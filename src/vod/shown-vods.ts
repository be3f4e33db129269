/** The VODs that somebody may watch: what belongs to one (its chat, its comments) is for the same people. */
import { type Asker, passFor, type Rendering } from './rendering.ts'
import type { Vod, VodService } from './service.ts'

export interface ShownVodsOptions {
  readonly vods: Pick<VodService, 'get'>
  /** Who lets viewers in. */
  readonly playback: Rendering['playback']
}

export class ShownVods {
  readonly #options: ShownVodsOptions

  constructor(options: ShownVodsOptions) {
    this.#options = options
  }

  /**
   * Throws `AppError` NOT_FOUND (`vod_not_found`) for what is not to be seen yet, and to who may not watch it
   * UNAUTHENTICATED (`not_signed_in`), FORBIDDEN (`playback_forbidden`, `playback_token_invalid`).
   */
  async get(asker: Asker, id: string): Promise<Vod> {
    const vod = await this.#options.vods.get(id)
    await passFor(this.#options, vod, asker)
    return vod
  }
}
