/** Hides the certificate's files: reads both, and again when they are renewed, so that nothing need be restarted. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Log } from './log.ts'

/** PEM texts that belong together. */
export interface KeyPair {
  /** The certificate, and those that lead from it to a known authority. */
  readonly cert: string
  readonly key: string
}

export interface CertificateOptions {
  readonly certFile: string
  readonly keyFile: string
  readonly log: Log
  /** How often the files are looked at; 30 s unless told. */
  readonly checkMs?: number
}

/**
 * Renewals are found by reading, not by watching: tools that renew swap links, write in place or mount another folder.
 * Files that do not fit each other, as between the writing of the two, change nothing.
 */
export class Certificate {
  readonly #options: CertificateOptions
  readonly #listeners = new Set<(pair: KeyPair) => void>()
  readonly #timer: ReturnType<typeof setInterval>
  #pair: KeyPair
  #isChecking = false
  #lastTrouble: string | undefined

  private constructor(options: CertificateOptions, pair: KeyPair) {
    this.#options = options
    this.#pair = pair
    this.#timer = setInterval(() => this.#check(), options.checkMs ?? 30_000)
  }

  /** Throws an error that names TLS_CERT_FILE or TLS_KEY_FILE when they cannot be used. */
  static async open(options: CertificateOptions): Promise<Certificate> {
    return new Certificate(options, await readPair(options))
  }

  /** What is good now. */
  get pair(): KeyPair {
    return this.#pair
  }

  /** `listener` is called with each renewed pair. */
  onRenewed(listener: (pair: KeyPair) => void): void {
    this.#listeners.add(listener)
  }

  /** Looks at the files no more. Idempotent. */
  close(): void {
    clearInterval(this.#timer)
    this.#listeners.clear()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async #check(): Promise<void> {
    if (this.#isChecking) return
    this.#isChecking = true
    try {
      const pair = await readPair(this.#options)
      this.#lastTrouble = undefined
      if (pair.cert !== this.#pair.cert || pair.key !== this.#pair.key) this.#renew(pair)
    } catch (error) {
      const trouble = (error as Error).message
      if (trouble !== this.#lastTrouble)
        this.#options.log.warn({ err: error }, 'the certificate on disk is not taken; the former one stays')
      this.#lastTrouble = trouble
    } finally {
      this.#isChecking = false
    }
  }

  #renew(pair: KeyPair): void {
    this.#pair = pair
    this.#options.log.info('the certificate was renewed')
    for (const listener of this.#listeners) {
      try {
        listener(pair)
      } catch (err) {
        this.#options.log.error({ err }, 'the new certificate could not be taken everywhere')
      }
    }
  }
}

async function readPair({ certFile, keyFile }: CertificateOptions): Promise<KeyPair> {
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')])
  const certificate = parse(
    `TLS_CERT_FILE (${certFile}) holds no certificate in PEM`,
    () => new X509Certificate(cert),
  )
  const privateKey = parse(`TLS_KEY_FILE (${keyFile}) holds no private key in PEM`, () =>
    createPrivateKey(key),
  )
  if (!certificate.checkPrivateKey(privateKey))
    throw new Error(
      `The key in ${keyFile} (TLS_KEY_FILE) is not the one of the certificate in ${certFile} (TLS_CERT_FILE).`,
    )
  return { cert, key }
}

function parse<T>(complaint: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new Error(`${complaint}: ${(cause as Error).message}`, { cause })
  }
}
