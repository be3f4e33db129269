/** Every procedure under its name. Clients take its type, which carries all inputs and outputs. */
import { authRouter } from '../accounts/router.ts'
import { channelsRouter } from '../channels/router.ts'
import { chatRouter } from '../chat/router.ts'
import { clipsRouter } from '../clips/router.ts'
import { commentsRouter } from '../comments/router.ts'
import { playbackRouter } from '../playback/router.ts'
import { streamsRouter } from '../streams/router.ts'
import { uploadsRouter } from '../uploads/router.ts'
import { vodsRouter } from '../vod/router.ts'
import { router } from './trpc.ts'

export const appRouter = router({
  auth: authRouter,
  channels: channelsRouter,
  streams: streamsRouter,
  playback: playbackRouter,
  chat: chatRouter,
  comments: commentsRouter,
  uploads: uploadsRouter,
  clips: clipsRouter,
  vods: vodsRouter,
})

export type AppRouter = typeof appRouter
