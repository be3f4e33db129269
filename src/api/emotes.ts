/** Serves the channels' emotes. */
import { Elysia } from 'elysia'
import { AppError } from '../errors.ts'

const idForm = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.webp$/

/** What the route asks: WebP by the emote's id. */
export interface EmotePictures {
  findImage(id: string): Promise<Uint8Array | undefined>
}

/** `GET /emotes/:id.webp`; an id has one picture for ever. 404 `emote_not_found`. */
export function emoteRoutes(emotes: EmotePictures) {
  return new Elysia({ name: 'emotes' }).get(
    '/emotes/:file',
    async ({ params }) => {
      const id = idForm.exec(params.file)?.[1]
      const image = id === undefined ? undefined : await emotes.findImage(id)
      if (!image) throw new AppError('NOT_FOUND', 'emote_not_found', 'There is no such emote.')
      return new Response(new Uint8Array(image), {
        headers: {
          'content-type': 'image/webp',
          'cache-control': 'public, max-age=31536000, immutable',
          'access-control-allow-origin': '*',
        },
      })
    },
    { detail: { summary: "A channel's emote", tags: ['chat'] } },
  )
}
