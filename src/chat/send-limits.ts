/** How much one account and one address may send to this instance's chats, whatever rooms and ways in they use. */
import type { Chatter } from './chat.ts'
import { RateLimit } from './rules/rate-limit.ts'

export interface SendRates {
  readonly account: { readonly burst: number; readonly perSecond: number }
  readonly address: { readonly burst: number; readonly perSecond: number }
}

/** More than anybody types, moderators' programs included; many people may be behind one address. */
const RATES: SendRates = {
  account: { burst: 40, perSecond: 10 },
  address: { burst: 120, perSecond: 30 },
}

export class SendLimits {
  readonly #byAccount: RateLimit
  readonly #byAddress: RateLimit

  constructor({ account, address }: SendRates = RATES) {
    this.#byAccount = new RateLimit(account)
    this.#byAddress = new RateLimit(address)
  }

  /** Counts a message or a command at `now`, in milliseconds. Throws `AppError` LIMIT (`rate_limited`). */
  take({ account, address }: Chatter, now: number): void {
    if (account) this.#byAccount.take(account.id, now)
    this.#byAddress.take(address, now)
  }
}
