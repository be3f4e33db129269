/** Decides which of a stream's publishers viewers see. */
import { AppError } from '../errors.ts'
import type { ChannelRules } from './channel-rules.ts'
import type { Input, InputRole } from './input.ts'

/** A primary that is back must have been steady for so long before it replaces a backup that works. */
const RETURN_AFTER_MS = 5_000

export class InputSwitch {
  readonly #places = new Map<InputRole, Input>()
  /** Takes the place of the one with its role when it is ready. */
  #challenger: Input | undefined
  #active: Input | undefined
  /** The owner's wish, which holds as long as that input works. */
  #wanted: InputRole | undefined

  /** The one that viewers see. */
  get active(): Input | undefined {
    return this.#active
  }

  /** Everyone who is connected, the primary first. */
  get all(): Input[] {
    const inOrder = [this.#places.get('primary'), this.#places.get('backup'), this.#challenger]
    return inOrder.filter(input => input !== undefined)
  }

  /** Answers who has lost its place to it. Throws `AppError` CONFLICT `channel_already_live` when there is no place. */
  add(input: Input, secondPublisher: ChannelRules['secondPublisher']): Input | undefined {
    const present = this.#places.get(input.role)
    // Its network may be gone without a word: who returns must not wait until that is certain.
    if (!present || present.isStalled) {
      this.#places.set(input.role, input)
      return present
    }
    if (secondPublisher === 'reject') throw alreadyLive()
    const earlier = this.#challenger
    this.#challenger = input
    return earlier
  }

  remove(input: Input): void {
    if (this.#places.get(input.role) === input) this.#places.delete(input.role)
    if (this.#challenger === input) this.#challenger = undefined
    if (this.#active === input) this.#active = undefined
  }

  /** The owner wants this one, until it stalls or leaves. Throws `AppError` CONFLICT `input_absent`. */
  prefer(role: InputRole): void {
    if (!this.#places.has(role))
      throw new AppError('CONFLICT', 'input_absent', `There is no ${role} publisher now.`)
    this.#wanted = role
  }

  /** Who should be active from its next key frame on; the active one where nothing is to change. */
  choose(backupReturn: ChannelRules['backupReturn']): Input | undefined {
    const active = this.#active
    const asked = this.#wanted && this.#best(this.#wanted)
    if (asked) return asked
    const primary = this.#best('primary')
    if (!active || !works(active)) return primary ?? this.#best('backup') ?? active
    const isReturn = active.role === 'backup' && backupReturn === 'automatic'
    if (isReturn && primary && primary.steadyMs >= RETURN_AFTER_MS) return primary
    return this.#best(active.role)
  }

  /** Answers whom it has beaten to its place. */
  activate(input: Input): Input | undefined {
    this.#active = input
    if (this.#wanted !== input.role) this.#wanted = undefined
    if (input !== this.#challenger) return undefined
    const beaten = this.#places.get(input.role)
    this.#challenger = undefined
    this.#places.set(input.role, input)
    return beaten
  }

  #best(role: InputRole): Input | undefined {
    const challenger = this.#challenger
    if (challenger?.role === role && works(challenger)) return challenger
    const input = this.#places.get(role)
    return input && works(input) ? input : undefined
  }
}

function works(input: Input): boolean {
  return input.tracks !== undefined && !input.isStalled
}

export function alreadyLive(): AppError {
  return new AppError(
    'CONFLICT',
    'channel_already_live',
    'This channel is already live from another encoder.',
  )
}
