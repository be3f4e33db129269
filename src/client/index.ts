/** What a frontend imports: the typed API, the chat and the player. */

export type { ChatMessage, PublicSettings as ChatSettings, Role as ChatRole } from '../chat/events.ts'
export type { Me as ChatMe } from '../chat-socket/wire.ts'
export {
  type ApiClient,
  type ApiOutputs,
  type ClientOptions,
  createClient,
  messageOf,
  reasonOf,
} from './api-client.ts'
export {
  ChatClient,
  type ChatEvents,
  type ChatOptions,
  type ChatRefusal,
  type ChatState,
  createChat,
} from './chat/chat-client.ts'
export {
  ChatReplay,
  type ChatReplayEvents,
  type ChatReplayOptions,
  type ChatReplayState,
  createChatReplay,
  type ReplayPosition,
} from './chat/chat-replay.ts'
export { ChatError, type Sent } from './chat/chat-requests.ts'
export type { ReplayClock, ReplayMessage } from './chat/replay-windows.ts'
export { createPlayer, type Player, type PlayerOptions } from './player/player.ts'
export {
  AUTO,
  type AudioOption,
  type PlayerState,
  type Protocol,
  type Quality,
  type Sound,
  type Timeline,
} from './player/state.ts'
export { type UploadOptions, uploadFile } from './vod/upload.ts'
export { createVodPlayer, type VodPlayer, type VodPlayerOptions } from './vod/vod-player.ts'
export type { VodPlayerState } from './vod/vod-state.ts'
