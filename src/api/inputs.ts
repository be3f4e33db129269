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

/** A moment of a video and how large its picture is to be: a width, or one for a device. */
export const frameInput = z.object({
  offsetMs: z.int().min(0).max(1_000_000_000).describe('After the beginning'),
  width: z.union([z.literal(160), z.literal(320), z.literal(640), z.literal(1280)]).optional(),
  device: z.enum(['phone', 'desktop', 'tv']).optional().describe('Unless told, `desktop`'),
})

/** The same as the address of a picture has it; a width says more than a device. */
export function frameQuery({ offsetMs, width, device = 'desktop' }: z.infer<typeof frameInput>): string {
  return `at=${offsetMs}&${width === undefined ? `device=${device}` : `width=${width}`}`
}
