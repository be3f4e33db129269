/** Hides how stream keys are made and kept: a stolen table reveals none, yet their owner sees them again. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const KEY_BYTES = 20
const IV_BYTES = 12
const TAG_BYTES = 16
const keyForm = /^live_[a-z2-7]{32}$/

export interface SealedStreamKey {
  /** SHA-256 in hex: with 160 random bits there is nothing to guess. */
  readonly streamKeyHash: string
  /** Base64 of nonce, AES-256-GCM ciphertext and tag, bound to the channel's id. */
  readonly streamKeyCipher: string
}

export class StreamKeys {
  readonly #key: Uint8Array

  /** `key`: 32 bytes. */
  constructor(key: Uint8Array) {
    this.#key = key
  }

  /** `live_` and 160 random bits in base32 (RFC 4648 6, lower case). */
  generate(): string {
    let bits = BigInt(`0x${randomBytes(KEY_BYTES).toString('hex')}`)
    let text = ''
    for (let i = 0; i < (KEY_BYTES * 8) / 5; i++) {
      text += ALPHABET[Number(bits & 31n)]
      bits >>= 5n
    }
    return `live_${text}`
  }

  /** What to look a key up by; undefined for text that cannot be a key. */
  hash(streamKey: string): string | undefined {
    return keyForm.test(streamKey) ? sha256(streamKey) : undefined
  }

  seal(streamKey: string, channelId: string): SealedStreamKey {
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv).setAAD(Buffer.from(channelId))
    const sealed = Buffer.concat([iv, cipher.update(streamKey, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return { streamKeyHash: sha256(streamKey), streamKeyCipher: sealed.toString('base64') }
  }

  /** Undefined when it was sealed with another secret or for another channel. */
  unseal(streamKeyCipher: string, channelId: string): string | undefined {
    const sealed = Buffer.from(streamKeyCipher, 'base64')
    if (sealed.length < IV_BYTES + TAG_BYTES) return undefined
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAAD(Buffer.from(channelId)).setAuthTag(sealed.subarray(-TAG_BYTES))
    try {
      const opened = [decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]
      return Buffer.concat(opened).toString('utf8')
    } catch {
      return undefined
    }
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
