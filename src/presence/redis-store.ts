/**
 * Hides how processes count people together in Redis: sorted sets of who is there, scored by when that expires on
 * Redis' own clock, so that what a process that died has said is soon forgotten and clocks need not agree.
 */
import type { RedisConnection } from '../redis/connection.ts'
import { type Count, type Members, nameOf, type PresenceStore } from './store.ts'

/** Everything is said again so often, and is forgotten after so long: a dead process's people are gone within it. */
const REFRESH_MS = 4_000
const LIFE_MS = 10_000
/** Who has left stays for a little more than a refresh: then whoever is here by another process, too, never flickers. */
const LINGER_MS = 4_500
const GOODBYE_MS = 500
/** Members in one call: other clients wait for about a millisecond. */
const MAX_AT_ONCE = 1_000
const MAX_CHANNELS = 5_000
/** Chatters that are looked at for names. */
const MAX_LISTED = 20_000
const PREFIX = 'sluice:presence:'
const CHANNELS = `${PREFIX}channels`

/** Raises the expiry of each member; a set that nobody refreshes goes away as a whole. */
const REFRESH = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'GT', now + ARGV[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], 60000)`

/** Lowers it, for those who are there. */
const LEAVE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', 'LT', now + ARGV[1], ARGV[i]) end`

/**
 * Forgets whose time is over, and counts: channel, people, chatters, channel, … Keys of browsers whose account is in the
 * chat are not counted beside it, whichever process says the one and which the other.
 */
const COUNT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local counts = {}
for _, channel in ipairs(redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1)) do
  counts[#counts + 1] = channel
  local sets = {}
  for _, kind in ipairs({'accountKeys:', 'people:', 'chatters:'}) do
    sets[#sets + 1] = ARGV[2] .. kind .. channel
    redis.call('ZREMRANGEBYSCORE', sets[#sets], '-inf', now)
  end
  local hasKeys = redis.call('EXISTS', sets[1]) == 1
  for i = 2, 3 do
    local again = 0
    if hasKeys then
      again = redis.call('ZINTERSTORE', ARGV[2] .. 'again', 2, sets[1], sets[i])
      redis.call('DEL', ARGV[2] .. 'again')
    end
    counts[#counts + 1] = redis.call('ZCARD', sets[i]) - again
  end
end
return counts`

/** Accounts, among guests who may be many more. */
const LIST = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf', 'LIMIT', 0, ARGV[2])) do
  if string.sub(member, 1, 2) == 'u:' and #found < tonumber(ARGV[1]) then found[#found + 1] = member end
end
return found`

type Call = [script: string, key: string, ...args: (string | number)[]]

export class RedisPresenceStore implements PresenceStore {
  readonly #redis: RedisConnection
  /** What was handed in last, by the name of the set. */
  #said = new Map<string, ReadonlySet<string>>()
  #refreshedAt = Number.NEGATIVE_INFINITY
  #isClosed = false

  /** Owns `redis`. */
  constructor(redis: RedisConnection) {
    this.#redis = redis
  }

  async exchange(own: ReadonlyMap<string, Members>): Promise<ReadonlyMap<string, Count>> {
    const now = performance.now()
    const isRefresh = now - this.#refreshedAt >= REFRESH_MS
    const sets = new Map<string, ReadonlySet<string>>([[CHANNELS, new Set(own.keys())]])
    for (const [channelId, members] of own)
      for (const kind of ['people', 'chatters', 'accountKeys'] as const)
        if (kind !== 'accountKeys' || members[kind].size > 0)
          sets.set(`${PREFIX}${kind}:${channelId}`, members[kind])
    const calls = this.#calls(sets, isRefresh)
    try {
      const flat = await this.#count(calls)
      this.#said = sets
      if (isRefresh) this.#refreshedAt = now
      return countsOf(flat)
    } catch (error) {
      // Whatever has arrived of it: next time all of it is said again.
      this.#refreshedAt = Number.NEGATIVE_INFINITY
      throw error
    }
  }

  async names(channelId: string, limit: number): Promise<string[]> {
    const key = `${PREFIX}chatters:${channelId}`
    const chatters = await this.#redis.run(client => client.eval(LIST, 1, key, limit, MAX_LISTED))
    return (chatters as string[]).flatMap(chatter => nameOf(chatter) ?? [])
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const calls = [...this.#said].flatMap(([key, members]) => inPieces(LEAVE, key, LINGER_MS, [...members]))
    // Should it not arrive, all of it expires.
    await Promise.race([this.#count(calls).catch(() => {}), Bun.sleep(GOODBYE_MS)])
    this.#redis.close()
  }

  #calls(sets: ReadonlyMap<string, ReadonlySet<string>>, isRefresh: boolean): Call[] {
    const calls: Call[] = []
    for (const [key, members] of sets) {
      const said = this.#said.get(key)
      const news = isRefresh || !said ? members : members.difference(said)
      calls.push(...inPieces(REFRESH, key, LIFE_MS, [...news]))
    }
    for (const [key, said] of this.#said) {
      const left = [...said.difference(sets.get(key) ?? new Set())]
      calls.push(...inPieces(LEAVE, key, LINGER_MS, left))
    }
    return calls
  }

  /** In one round trip: `calls`, then the counts. */
  async #count(calls: readonly Call[]): Promise<unknown> {
    return this.#redis.run(async client => {
      const pipeline = client.pipeline()
      for (const [script, key, ...args] of calls) pipeline.eval(script, 1, key, ...args)
      pipeline.eval(COUNT, 1, CHANNELS, MAX_CHANNELS, PREFIX)
      const replies = (await pipeline.exec()) ?? []
      const failure = replies.find(([error]) => error)?.[0]
      if (failure) throw failure
      return replies.at(-1)?.[1]
    })
  }
}

function inPieces(script: string, key: string, lifeMs: number, members: readonly string[]): Call[] {
  const calls: Call[] = []
  for (let from = 0; from < members.length; from += MAX_AT_ONCE)
    calls.push([script, key, lifeMs, ...members.slice(from, from + MAX_AT_ONCE)])
  return calls
}

function countsOf(flat: unknown): Map<string, Count> {
  const counts = new Map<string, Count>()
  const values = flat as (string | number)[]
  for (let i = 0; i + 2 < values.length; i += 3)
    counts.set(String(values[i]), { people: Number(values[i + 1]), chatters: Number(values[i + 2]) })
  return counts
}
