/** Opens the comments on a database. */
import type { TextRules } from '../chat/service.ts'
import type { Db } from '../db/database.ts'
import type { ShownVods } from '../vod/service.ts'
import { CommentsRepository } from './repository.ts'
import { CommentsService } from './service.ts'

export function openComments(options: {
  readonly db: Db
  readonly rules: TextRules
  /** Those that who asks may watch. */
  readonly shown: ShownVods
}): CommentsService {
  const { db, rules, shown } = options
  return new CommentsService({ comments: new CommentsRepository(db), rules, shown })
}
