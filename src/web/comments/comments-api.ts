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

/** How the comments of one video are read and changed. */
export function commentsOf(vodId: string) {
  return {
    about: () => api.comments.about.query({ vodId }),
    threads: (order: Order, cursor: string | undefined): Promise<CommentPage> =>
      api.comments.list.query({ vodId, order, limit: PAGE, ...(cursor && { cursor }) }),
    replies: (threadId: string, cursor: string | undefined): Promise<CommentPage> =>
      api.comments.list.query({ vodId, threadId, limit: PAGE, ...(cursor && { cursor }) }),
    add: (text: string, replyTo: string | undefined) =>
      api.comments.add.mutate({ vodId, text, ...(replyTo && { replyTo }) }),
    edit: (id: string, text: string) => api.comments.edit.mutate({ id, text }),
    remove: (id: string) => api.comments.delete.mutate({ id }),
    like: (id: string, isLiked: boolean) =>
      isLiked ? api.comments.like.mutate({ id }) : api.comments.unlike.mutate({ id }),
    held: async (slug: string) => (await api.comments.held.query({ slug, vodId, limit: HELD })).items,
    review: (id: string, isApproved: boolean) => api.comments.review.mutate({ id, isApproved }),
    ban: (slug: string, messageId: string) => api.chat.ban.mutate({ slug, messageId }),
    timeout: (slug: string, messageId: string, seconds: number) =>
      api.chat.timeout.mutate({ slug, messageId, seconds }),
  }
}
