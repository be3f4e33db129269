/** Hides the SQL of accounts and of their refresh tokens. */
import { and, eq, exists, gt, isNull, lte } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { accounts, refreshTokens } from '../db/schema.ts'

export interface Account {
  readonly id: string
  readonly username: string
}

export interface NewRefreshToken {
  /** SHA-256 of the token. */
  readonly id: string
  readonly familyId: string
  readonly accountId: string
  readonly expiresAt: Date
}

/** What presenting a refresh token led to. */
export type Rotation =
  | { readonly outcome: 'rotated'; readonly familyId: string; readonly accountId: string }
  | { readonly outcome: 'reused'; readonly familyId: string }
  | { readonly outcome: 'unknown' }

export class AccountsRepository {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** Undefined when the name is taken. */
  async insert(account: Account & { passwordHash: string; createdAt: Date }): Promise<Account | undefined> {
    const [inserted] = await this.#db
      .insert(accounts)
      .values(account)
      .onConflictDoNothing({ target: accounts.username })
      .returning({ id: accounts.id, username: accounts.username })
    return inserted
  }

  async find(id: string): Promise<Account | undefined> {
    const [account] = await this.#db
      .select({ id: accounts.id, username: accounts.username })
      .from(accounts)
      .where(eq(accounts.id, id))
    return account
  }

  async findByUsername(username: string): Promise<(Account & { passwordHash: string }) | undefined> {
    const [account] = await this.#db
      .select({ id: accounts.id, username: accounts.username, passwordHash: accounts.passwordHash })
      .from(accounts)
      .where(eq(accounts.username, username))
    return account
  }

  /** The account, while the family of refresh tokens still stands. */
  async findByFamily(id: string, familyId: string): Promise<Account | undefined> {
    const family = this.#db
      .select({ id: refreshTokens.id })
      .from(refreshTokens)
      .where(and(eq(refreshTokens.familyId, familyId), eq(refreshTokens.accountId, id)))
    const [account] = await this.#db
      .select({ id: accounts.id, username: accounts.username })
      .from(accounts)
      .where(and(eq(accounts.id, id), exists(family)))
    return account
  }

  async insertRefreshToken(token: NewRefreshToken, now: Date): Promise<void> {
    await this.#db.insert(refreshTokens).values({ ...token, createdAt: now })
  }

  /**
   * Spends the token `id` and stores its successor, at once or not at all. Of two that present the same token, the
   * second waits for the first and finds it spent.
   */
  async rotate(id: string, successor: { id: string; expiresAt: Date }, now: Date): Promise<Rotation> {
    return this.#db.transaction(async tx => {
      const [spent] = await tx
        .update(refreshTokens)
        .set({ spentAt: now })
        .where(and(eq(refreshTokens.id, id), isNull(refreshTokens.spentAt), gt(refreshTokens.expiresAt, now)))
        .returning({ familyId: refreshTokens.familyId, accountId: refreshTokens.accountId })
      if (spent) {
        await tx.insert(refreshTokens).values({ ...successor, ...spent, createdAt: now })
        return { outcome: 'rotated', ...spent }
      }
      const [known] = await tx
        .select({ familyId: refreshTokens.familyId, spentAt: refreshTokens.spentAt })
        .from(refreshTokens)
        .where(eq(refreshTokens.id, id))
      return known?.spentAt ? { outcome: 'reused', familyId: known.familyId } : { outcome: 'unknown' }
    })
  }

  /** The family of a refresh token, spent or not. */
  async findFamily(id: string): Promise<string | undefined> {
    const [token] = await this.#db
      .select({ familyId: refreshTokens.familyId })
      .from(refreshTokens)
      .where(eq(refreshTokens.id, id))
    return token?.familyId
  }

  async deleteFamily(familyId: string): Promise<void> {
    await this.#db.delete(refreshTokens).where(eq(refreshTokens.familyId, familyId))
  }

  async deleteExpired(now: Date): Promise<void> {
    await this.#db.delete(refreshTokens).where(lte(refreshTokens.expiresAt, now))
  }
}
