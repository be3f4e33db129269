/** The rules of uploads: who may send what, and how many at once. */
import { AppError } from '../errors.ts'
import type { VodService, VodVisibility } from '../vod/service.ts'
import { runsChannel } from '../vod/visibility.ts'
import type { UploadsRepository } from './repository.ts'

const MAX_UNFINISHED = 5

export interface UploadRequest {
  readonly channelId: string
  /** Of the file, bytes. */
  readonly sizeBytes: number
  readonly title: string
  readonly description?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly visibility: Exclude<VodVisibility, 'off'>
}

export interface UploadsServiceOptions {
  readonly vods: Pick<VodService, 'create' | 'find' | 'personIn'>
  readonly uploads: Pick<UploadsRepository, 'countUnfinished'>
  readonly maxBytes: number
  /** Makes a place for a file, and returns the path to which it is sent. */
  readonly expect: (vodId: string, sizeBytes: number) => Promise<string>
}

export class UploadsService {
  readonly maxBytes: number
  readonly #options: UploadsServiceOptions

  constructor(options: UploadsServiceOptions) {
    this.#options = options
    this.maxBytes = options.maxBytes
  }

  /**
   * A video in status `processing` whose file will be sent. Throws `AppError` FORBIDDEN (`not_allowed`), INVALID
   * (`upload_too_large`), LIMIT (`upload_limit_reached`), NOT_FOUND (`channel_not_found`).
   */
  async create(accountId: string, request: UploadRequest): Promise<{ vodId: string; uploadUrl: string }> {
    const { vods, uploads, maxBytes, expect } = this.#options
    const { channelId, sizeBytes, ...rest } = request
    if (!runsChannel(await vods.personIn(channelId, accountId)))
      throw new AppError('FORBIDDEN', 'not_allowed', 'Only who runs the channel may add videos.')
    if (sizeBytes > maxBytes)
      throw new AppError('INVALID', 'upload_too_large', `A file may have ${Math.floor(maxBytes / 1e6)} MB.`)
    if ((await uploads.countUnfinished(accountId)) >= MAX_UNFINISHED) {
      const message = `${MAX_UNFINISHED} of your videos are on their way. Wait for one of them, or delete it.`
      throw new AppError('LIMIT', 'upload_limit_reached', message, { retryAfterSeconds: 60 })
    }
    const { id } = await vods.create({ channelId, kind: 'upload', authorId: accountId, ...rest })
    return { vodId: id, uploadUrl: await expect(id, sizeBytes) }
  }

  /**
   * Throws `AppError` NOT_FOUND (`upload_not_found`) unless the account has begun this upload and its file is still to come
   * or to be made into a video.
   */
  async checkSender(accountId: string | undefined, vodId: string): Promise<void> {
    const vod = await this.#options.vods.find(vodId)
    const isTheirs = vod?.kind === 'upload' && vod.status === 'processing' && vod.author?.id === accountId
    if (!isTheirs) throw new AppError('NOT_FOUND', 'upload_not_found', 'There is no such upload of yours.')
  }
}
