/** Decides which of a stream's publishers viewers see. */
import type { ChannelRules } from './channel-rules.ts'
import type { Input, InputRole } from './input.ts'

/** The publishers that are connected. A challenger takes the place of the one with its role when it is ready. */
export interface Inputs {
  primary: Input | undefined
  backup: Input | undefined
  challenger: Input | undefined
}

/** A primary that is back must have been steady for so long before it replaces a backup that works. */
const RETURN_AFTER_MS = 5_000

/**
 * The input that should be active from its next key frame on; `active` where nothing is to change. `wanted`: the
 * owner's wish, which holds as long as that input works.
 */
export function chooseInput(
  inputs: Inputs,
  active: Input | undefined,
  backupReturn: ChannelRules['backupReturn'],
  wanted: InputRole | undefined,
): Input | undefined {
  const best = (role: InputRole) =>
    works(inputs.challenger?.role === role ? inputs.challenger : undefined) ?? works(inputs[role])
  const asked = wanted && best(wanted)
  if (asked) return asked
  const primary = best('primary')
  if (!works(active)) return primary ?? best('backup') ?? active
  const isReturn = active?.role === 'backup' && backupReturn === 'automatic'
  if (isReturn && primary && primary.steadyMs >= RETURN_AFTER_MS) return primary
  return best(active!.role)
}

function works(input: Input | undefined): Input | undefined {
  return input?.tracks && !input.isStalled ? input : undefined
}
