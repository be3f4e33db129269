/** What a room tells its listeners of itself. */
import type { StateEvent } from './events.ts'

export const degraded: StateEvent = {
  type: 'notice',
  code: 'degraded',
  text: 'Messages of other servers come a little later for now.',
}

export const restored: StateEvent = { type: 'notice', code: 'restored', text: 'The chat is complete again.' }
