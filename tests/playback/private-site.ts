/** The real server with a live channel that may be made private, and tokens of every kind that does not open it. */
import { deriveKey } from '../../src/accounts/secret.ts'
import { type Audience, type Grantee, PlaybackTokens } from '../../src/playback/tokens.ts'
import { type Publisher, publish } from '../support/publisher.ts'
import { type Sluice, startSluice, type TestChannel } from '../support/sluice.ts'
import { waitFor } from '../support/wait-for.ts'

const SECRET = 'a secret that the server shares with its tests'
const HOUR_MS = 3_600_000

export type Visibility = 'public' | 'unlisted' | 'private'

export class PrivateSite implements AsyncDisposable {
  readonly sluice: Sluice
  readonly channel: TestChannel
  readonly other: TestChannel
  readonly #publisher: Publisher

  private constructor(sluice: Sluice, channel: TestChannel, other: TestChannel, publisher: Publisher) {
    this.sluice = sluice
    this.channel = channel
    this.other = other
    this.#publisher = publisher
  }

  /** `ada` is live, with sound. */
  static async open(env: Record<string, string> = {}): Promise<PrivateSite> {
    const sluice = await startSluice({ env: { AUTH_SECRET: SECRET, ...env } })
    const channel = await sluice.createChannel('ada')
    const other = await sluice.createChannel('bob')
    const publisher = await publish(channel.publishUrl, { size: '320x180', bitrate: '300k' })
    const isLive = async () => (await fetch(channel.hlsUrl)).status === 200
    await waitFor(isLive, { message: 'the channel to be live over HLS', timeoutMs: 30_000 })
    return new PrivateSite(sluice, channel, other, publisher)
  }

  async setVisibility(visibility: Visibility): Promise<void> {
    await this.channel.client.channels.updateSettings.mutate({ channelId: this.channel.id, visibility })
  }

  /** What the server itself would sign; `ageMs`: so long ago. */
  async sign(audience: Audience, grantee: Grantee, { ageMs = 0, secret = SECRET } = {}): Promise<string> {
    const now = () => Date.now() - ageMs
    const tokens = new PlaybackTokens({ key: deriveKey(secret, 'playback'), now })
    return (await tokens.sign(audience, grantee)).token
  }

  /** The owner's, as the API hands it out. */
  async rightToken(): Promise<string> {
    const { token } = await this.channel.client.playback.sources.query({ slug: this.channel.slug })
    if (token === undefined) throw new Error('the channel is public: there is no token')
    return token
  }

  /** By what is wrong with them. */
  async wrongTokens(): Promise<Record<string, string>> {
    const { channel, other } = this
    const audience: Audience = `channel:${channel.id}`
    const right = await this.rightToken()
    const [header, claims, signature] = right.split('.') as [string, string, string]
    const { token: share } = await channel.client.playback.share.mutate({ channelId: channel.id, days: 1 })
    const owner = claimsOf(right)['sub'] as Grantee
    return {
      'is nonsense': 'nonsense',
      'is empty': '',
      'is signed with another key': await this.sign(audience, owner, { secret: 'x'.repeat(40) }),
      'has expired': await this.sign(audience, owner, { ageMs: 5 * HOUR_MS }),
      'is another channel’s': await this.sign(`channel:${other.id}`, owner),
      'is of a video': await this.sign(`vod:${channel.id}`, owner),
      'was given to anybody': await this.sign(audience, 'anybody'),
      'was given to somebody who does not belong to it': await this.sign(
        audience,
        `account:${crypto.randomUUID()}`,
      ),
      'came by a link that is gone': await this.sign(audience, `share:${crypto.randomUUID()}`),
      'is a share link’s': share,
      'has other claims than were signed': `${header}.${base64({ ...claimsOf(right), exp: 9_999_999_999 })}.${signature}`,
      'has no signature': `${base64({ alg: 'none', typ: 'playback+jwt' })}.${claims}.`,
      'is an access token': (await this.sluice.client.auth.signIn.mutate(channel.credentials)).accessToken,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#publisher.stop()
    await this.sluice.stop()
  }
}

function base64(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
}
