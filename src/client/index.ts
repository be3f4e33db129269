/** What a frontend imports: the typed API and the player. */
export {
  type ApiClient,
  type ApiOutputs,
  type ClientOptions,
  createClient,
  messageOf,
  reasonOf,
} from './api-client.ts'
export {
  createPlayer,
  type Player,
  type PlayerOptions,
  type PlayerState,
  type Protocol,
} from './player/player.ts'
