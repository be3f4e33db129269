/** The rules of channels: addresses, owners and stream keys. */
import { AppError } from '../errors.ts'
import type { Channel, ChannelsRepository, Following } from './repository.ts'
import {
  type ChannelRules,
  type ChannelSettings,
  changeSettings,
  type InstanceIngest,
  rulesOf,
  type SettingsChanges,
} from './settings.ts'
import { checkSlug } from './slug.ts'
import { StreamKeys } from './stream-keys.ts'

export type { Channel } from './repository.ts'

const MAX_CHANNELS_PER_ACCOUNT = 10

export interface ChannelsServiceOptions {
  readonly channels: ChannelsRepository
  /** 32 bytes that encrypt stream keys. */
  readonly streamKeyKey: Uint8Array
  /** What every publisher is held to; nothing unless told. */
  readonly ingest?: InstanceIngest
  /** No channel keeps VODs of streams for longer; undefined: for ever. */
  readonly vodRetentionDays?: number | undefined
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

export class ChannelsService {
  /** What the operator allows every channel. */
  readonly ingest: InstanceIngest
  /** No channel keeps VODs of streams for longer; undefined: for ever. */
  readonly vodRetentionDays: number | undefined
  readonly #channels: ChannelsRepository
  readonly #keys: StreamKeys
  readonly #now: () => number

  constructor(options: ChannelsServiceOptions) {
    this.#channels = options.channels
    this.#keys = new StreamKeys(options.streamKeyKey)
    this.ingest = options.ingest ?? { limits: {}, onBreach: 'refuse' }
    this.vodRetentionDays = options.vodRetentionDays
    this.#now = options.now ?? Date.now
  }

  /**
   * Throws `AppError` INVALID (`slug_invalid`, `slug_reserved`), CONFLICT (`slug_taken`), LIMIT
   * (`channel_limit_reached`).
   */
  async create(
    accountId: string,
    input: { slug: string; title: string; description?: string | undefined },
  ): Promise<Channel> {
    checkSlug(input.slug)
    const id = Bun.randomUUIDv7()
    const { slug, title, description = '' } = input
    const sealed = this.#keys.seal(this.#keys.generate(), id)
    const outcome = await this.#channels.insert(
      { id, accountId, slug, title, description, createdAt: new Date(this.#now()), ...sealed },
      MAX_CHANNELS_PER_ACCOUNT,
    )
    if (outcome === 'slug_taken')
      throw new AppError('CONFLICT', 'slug_taken', 'This channel address is taken.')
    if (outcome === 'limit_reached')
      throw new AppError(
        'LIMIT',
        'channel_limit_reached',
        `An account can have ${MAX_CHANNELS_PER_ACCOUNT} channels.`,
      )
    return this.#get(id)
  }

  async findBySlug(slug: string): Promise<Channel | undefined> {
    return this.#channels.findBySlug(slug)
  }

  /** Throws `AppError` NOT_FOUND (`channel_not_found`). */
  async getBySlug(slug: string): Promise<Channel> {
    return found(await this.#channels.findBySlug(slug))
  }

  /** The account's channels, oldest first. */
  async listOwned(accountId: string): Promise<Channel[]> {
    return this.#channels.listByAccount(accountId)
  }

  /** The channel, if the account owns it: `AppError` FORBIDDEN (`not_owner`), NOT_FOUND (`channel_not_found`). */
  async getOwned(accountId: string, channelId: string): Promise<Channel> {
    return owned(accountId, await this.#get(channelId))
  }

  /** `getOwned` by the channel's address. */
  async getOwnedBySlug(accountId: string, slug: string): Promise<Channel> {
    return owned(accountId, await this.getBySlug(slug))
  }

  /** Owner only, as `getOwned`. */
  async update(
    accountId: string,
    channelId: string,
    changes: { title?: string | undefined; description?: string | undefined },
  ): Promise<Channel> {
    await this.getOwned(accountId, channelId)
    await this.#channels.update(channelId, changes)
    return this.#get(channelId)
  }

  /** Idempotent. Throws `AppError` NOT_FOUND (`channel_not_found`). */
  async follow(accountId: string, channelId: string): Promise<Channel> {
    const channel = await this.#get(channelId)
    await this.#channels.insertFollow(accountId, channelId, new Date(this.#now()))
    return channel
  }

  /** Idempotent, as `follow`. */
  async unfollow(accountId: string, channelId: string): Promise<Channel> {
    const channel = await this.#get(channelId)
    await this.#channels.deleteFollow(accountId, channelId)
    return channel
  }

  /** How many follow the channel, and whether the account, if there is one, does. */
  async following(channelId: string, accountId: string | undefined): Promise<Following> {
    return this.#channels.countFollowers(channelId, accountId)
  }

  /** The key to paste into the encoder. Owner only; CONFLICT (`stream_key_unreadable`) when AUTH_SECRET was changed. */
  async streamKey(accountId: string, channelId: string): Promise<string> {
    await this.getOwned(accountId, channelId)
    const cipher = await this.#channels.findStreamKeyCipher(channelId)
    const key = cipher && this.#keys.unseal(cipher, channelId)
    if (!key)
      throw new AppError(
        'CONFLICT',
        'stream_key_unreadable',
        'The stream key was encrypted with another AUTH_SECRET. It still works; rotate it to see a new one.',
      )
    return key
  }

  /** Replaces the key: the old one is refused from now on. Owner only. */
  async rotateStreamKey(accountId: string, channelId: string): Promise<string> {
    await this.getOwned(accountId, channelId)
    const key = this.#keys.generate()
    await this.#channels.setStreamKey(channelId, this.#keys.seal(key, channelId))
    return key
  }

  /** Owner only, as `getOwned`. */
  async settings(accountId: string, channelId: string): Promise<ChannelSettings> {
    await this.getOwned(accountId, channelId)
    return found(await this.#channels.findSettings(channelId))
  }

  /**
   * Changes some settings, for the next publisher that connects. Owner only; `AppError` INVALID
   * (`video_codecs_unavailable`).
   */
  async updateSettings(
    accountId: string,
    channelId: string,
    changes: SettingsChanges,
  ): Promise<ChannelSettings> {
    await this.getOwned(accountId, channelId)
    const change = (current: ChannelSettings) => changeSettings(current, changes, this.ingest)
    return found(await this.#channels.changeSettings(channelId, change))
  }

  /** The channel a publisher may publish to, and what holds there. Throws `AppError` FORBIDDEN (`stream_key_invalid`). */
  async authorizeStreamKey(streamKey: string): Promise<{ id: string; slug: string; rules: ChannelRules }> {
    const hash = this.#keys.hash(streamKey)
    const channel = hash && (await this.#channels.findByStreamKeyHash(hash))
    if (!channel) throw new AppError('FORBIDDEN', 'stream_key_invalid', 'This stream key is not valid.')
    return { id: channel.id, slug: channel.slug, rules: rulesOf(channel.settings, this.ingest) }
  }

  async #get(id: string): Promise<Channel> {
    return found(await this.#channels.find(id))
  }
}

function found<T>(channel: T | undefined): T {
  if (!channel) throw new AppError('NOT_FOUND', 'channel_not_found', 'There is no such channel.')
  return channel
}

function owned(accountId: string, channel: Channel): Channel {
  if (channel.owner.id !== accountId)
    throw new AppError('FORBIDDEN', 'not_owner', 'Only the owner of the channel may do this.')
  return channel
}
