/** What several procedures accept in the same form. */
import { z } from 'zod'

/** A channel's address as people type it. */
export const slugInput = z
  .string()
  .max(64)
  .toLowerCase()
  .regex(/^[a-z0-9_-]*$/, 'has only a-z, 0-9, _ and -')

/** One line of text. */
export const titleInput = z
  .string()
  .trim()
  .min(1)
  .max(140)
  .regex(/^\P{Cc}*$/u, 'must be one line of text')

/** What somebody shows for watching something private: of a share link, or one of media that is to be renewed. */
export const tokenInput = z.string().max(1_024)
