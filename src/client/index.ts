/** What a frontend imports: the typed API and the player. */
export {
  type ApiClient,
  type ApiOutputs,
  type ClientOptions,
  createClient,
  messageOf,
  reasonOf,
} from './api-client.ts'
export { createPlayer, type Player, type PlayerOptions } from './player/player.ts'
export {
  AUTO,
  type AudioOption,
  type PlayerState,
  type Protocol,
  type Quality,
  type Timeline,
} from './player/state.ts'
