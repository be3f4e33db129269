/** The rules of a channel's own little pictures: who puts them there, how many, and what a text means by `:code:`. */
import { AppError } from '../errors.ts'
import type { EmoteImages } from './emotes-image.ts'
import type { EmotesRepository, StoredEmote } from './emotes-repository.ts'
import { emoteCodeForm } from './rules/mentions.ts'

const MAX_EMOTES = 100
/** So long an instance may not know of what another one changed. */
const LIST_MS = 5_000
const MAX_LISTS = 2_000
const MAX_CACHED_IMAGE_BYTES = 32 * 1024 * 1024

export interface Emote extends StoredEmote {
  /** Below this server: `/emotes/ID.webp`; never another picture. */
  readonly url: string
}

export interface EmotesOptions {
  readonly emotes: EmotesRepository
  readonly images: EmoteImages
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

export class Emotes {
  readonly #emotes: EmotesRepository
  readonly #images: EmoteImages
  readonly #now: () => number
  /** By channel, oldest first. */
  readonly #lists = new Map<string, { readonly emotes: Promise<Emote[]>; readonly until: number }>()
  /** By id, in the order of use. */
  readonly #pictures = new Map<string, Uint8Array>()
  #pictureBytes = 0

  constructor(options: EmotesOptions) {
    this.#emotes = options.emotes
    this.#images = options.images
    this.#now = options.now ?? Date.now
  }

  /** By code; 100 at most. */
  async list(channelId: string): Promise<Emote[]> {
    const known = this.#lists.get(channelId)
    if (known && known.until > this.#now()) return known.emotes
    const emotes = this.#emotes.list(channelId).then(stored => stored.map(withUrl))
    this.#lists.delete(channelId)
    this.#lists.set(channelId, { emotes, until: this.#now() + LIST_MS })
    emotes.catch(() => this.#lists.delete(channelId))
    const [oldest] = this.#lists.keys()
    if (this.#lists.size > MAX_LISTS && oldest !== undefined) this.#lists.delete(oldest)
    return emotes
  }

  /** Those of `codes` that the channel has, as a message carries them. */
  async resolve(
    channelId: string,
    codes: readonly string[],
  ): Promise<{ code: string; id: string; url: string }[]> {
    if (codes.length === 0) return []
    const wanted = new Set(codes)
    const known = (await this.list(channelId)).filter(emote => wanted.has(emote.code))
    return known.map(({ code, id, url }) => ({ code, id, url }))
  }

  /**
   * Owner and moderators only. Throws `AppError` FORBIDDEN (`not_moderator`), NOT_FOUND (`channel_not_found`), INVALID
   * (`emote_code_invalid`, `emote_image_invalid`, `emote_image_too_big`), CONFLICT (`emote_code_taken`), LIMIT
   * (`emote_limit_reached`, `busy`).
   */
  async add(
    accountId: string,
    { channelId, code, image }: { channelId: string; code: string; image: Uint8Array },
  ): Promise<Emote> {
    if (!emoteCodeForm.test(code))
      throw new AppError('INVALID', 'emote_code_invalid', 'A code has 2 to 32 letters, digits and _.')
    await this.#requireModerator(channelId, accountId)
    const { data, width, height } = await this.#images.convert(image)
    const emote = { id: Bun.randomUUIDv7(), code, width, height }
    const outcome = await this.#emotes.insert(
      { ...emote, channelId, image: data, createdAt: new Date(this.#now()) },
      MAX_EMOTES,
    )
    if (outcome === 'no_channel') throw channelNotFound()
    if (outcome === 'code_taken')
      throw new AppError('CONFLICT', 'emote_code_taken', `The channel has an emote :${code}: already.`)
    if (outcome === 'limit_reached')
      throw new AppError('LIMIT', 'emote_limit_reached', `A channel can have ${MAX_EMOTES} emotes.`)
    this.#lists.delete(channelId)
    return withUrl(emote)
  }

  /** Owner and moderators only: as `add`; NOT_FOUND (`emote_not_found`). */
  async remove(accountId: string, id: string): Promise<void> {
    const channelId = await this.#emotes.findChannelId(id)
    if (channelId === undefined) throw new AppError('NOT_FOUND', 'emote_not_found', 'There is no such emote.')
    await this.#requireModerator(channelId, accountId)
    await this.#emotes.delete(id)
    this.#lists.delete(channelId)
    this.#forget(id)
  }

  /** WebP; undefined: there is no such emote. */
  async findImage(id: string): Promise<Uint8Array | undefined> {
    const image = this.#pictures.get(id) ?? (await this.#emotes.findImage(id))
    if (!image) return undefined
    this.#forget(id)
    this.#pictures.set(id, image)
    this.#pictureBytes += image.byteLength
    for (const oldest of this.#pictures.keys()) {
      if (this.#pictureBytes <= MAX_CACHED_IMAGE_BYTES) break
      this.#forget(oldest)
    }
    return image
  }

  #forget(id: string): void {
    this.#pictureBytes -= this.#pictures.get(id)?.byteLength ?? 0
    this.#pictures.delete(id)
  }

  async #requireModerator(channelId: string, accountId: string): Promise<void> {
    const isModerator = await this.#emotes.isModerator(channelId, accountId)
    if (isModerator === undefined) throw channelNotFound()
    if (!isModerator)
      throw new AppError('FORBIDDEN', 'not_moderator', 'Only the owner and moderators may do this.')
  }
}

/** Where the picture of an emote is served. */
export function emoteUrl(id: string): string {
  return `/emotes/${id}.webp`
}

function withUrl(emote: StoredEmote): Emote {
  return { ...emote, url: emoteUrl(emote.id) }
}

function channelNotFound(): AppError {
  return new AppError('NOT_FOUND', 'channel_not_found', 'There is no such channel.')
}
