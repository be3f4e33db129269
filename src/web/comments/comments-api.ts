/** What the comments ask of the API, in their own words. */
import type { ApiOutputs } from '../../client/index.ts'
import { api } from '../api.ts'

export type Comment = ApiOutputs['comments']['add']
export type About = ApiOutputs['comments']['about']
export type HeldComment = ApiOutputs['comments']['held']['items'][number]
export type Order = 'newest' | 'liked'

export interface CommentPage {
  readonly items: readonly Comment[]
  readonly nextCursor?: string | undefined
}

const PAGE = 20
const HELD = 50

/** How the comments of one video are read and changed. `token`: of a share link. */
export function commentsOf(vodId: string, token: string | undefined) {
  const pass = token === undefined ? {} : { token }
  return {
    about: () => api.comments.about.query({ vodId, ...pass }),
    threads: (order: Order, cursor: string | undefined): Promise<CommentPage> =>
      api.comments.list.query({ vodId, order, limit: PAGE, ...pass, ...(cursor && { cursor }) }),
    replies: (threadId: string, cursor: string | undefined): Promise<CommentPage> =>
      api.comments.list.query({ vodId, threadId, limit: PAGE, ...pass, ...(cursor && { cursor }) }),
    add: (text: string, replyTo: string | undefined) =>
      api.comments.add.mutate({ vodId, text, ...pass, ...(replyTo && { replyTo }) }),
    edit: (id: string, text: string) => api.comments.edit.mutate({ id, text, ...pass }),
    remove: (id: string) => api.comments.delete.mutate({ id, ...pass }),
    like: (id: string, isLiked: boolean) =>
      isLiked ? api.comments.like.mutate({ id, ...pass }) : api.comments.unlike.mutate({ id, ...pass }),
    held: async (slug: string) => (await api.comments.held.query({ slug, vodId, limit: HELD })).items,
    review: (id: string, isApproved: boolean) => api.comments.review.mutate({ id, isApproved }),
    ban: (slug: string, messageId: string) => api.chat.ban.mutate({ slug, messageId }),
    timeout: (slug: string, messageId: string, seconds: number) =>
      api.chat.timeout.mutate({ slug, messageId, seconds }),
  }
}
