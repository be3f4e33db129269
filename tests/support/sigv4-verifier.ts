/** Recomputes the signature of a request to S3 (AWS Signature Version 4), as S3 itself does and s3rver does not. */
import { createHash, createHmac } from 'node:crypto'

/** Who may ask, and for which region. */
export interface Signer {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
}

/** S3's name for what is wrong with the request; undefined: nothing. */
export function findForgery(request: Request, body: Uint8Array, signer: Signer): string | undefined {
  const url = new URL(request.url)
  const claim = url.searchParams.has('X-Amz-Signature') ? claimOfQuery(url) : claimOfHeader(request)
  if (claim === undefined) return 'AccessDenied'
  const [accessKeyId, day, region, service, end] = claim.credential.split('/')
  if (accessKeyId !== signer.accessKeyId) return 'InvalidAccessKeyId'
  if (region !== signer.region || service !== 's3' || end !== 'aws4_request')
    return 'AuthorizationHeaderMalformed'
  const ageMs = Date.now() - parseTime(claim.time)
  if (!claim.time.startsWith(day!) || ageMs < -SKEW_MS) return 'RequestTimeTooSkewed'
  if (ageMs > claim.validMs) return claim.isPresigned ? 'AccessDenied' : 'RequestTimeTooSkewed'
  if (!mustBeSigned(request).every(name => claim.signedHeaders.includes(name))) return 'AccessDenied'
  if (signatureOf(request, claim, signer) !== claim.signature) return 'SignatureDoesNotMatch'
  return findDamage(request, body, claim.payload)
}

const SKEW_MS = 15 * 60_000
const UNSIGNED = 'UNSIGNED-PAYLOAD'

interface Claim {
  readonly isPresigned: boolean
  readonly credential: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
  /** `YYYYMMDDTHHMMSSZ`. */
  readonly time: string
  readonly validMs: number
  readonly payload: string
}

function claimOfHeader({ headers }: Request): Claim | undefined {
  const pattern = /^AWS4-HMAC-SHA256 Credential=([^,]+), *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})$/
  const [, credential, signedHeaders, signature] = pattern.exec(headers.get('authorization') ?? '') ?? []
  const [time, payload] = [headers.get('x-amz-date'), headers.get('x-amz-content-sha256')]
  if (!credential || !signedHeaders || !signature || !time || !payload) return undefined
  const rest = { credential, signature, time, payload, validMs: SKEW_MS, isPresigned: false }
  return { ...rest, signedHeaders: signedHeaders.split(';') }
}

function claimOfQuery({ searchParams }: URL): Claim {
  const get = (name: string) => searchParams.get(`X-Amz-${name}`) ?? ''
  return {
    isPresigned: true,
    credential: get('Credential'),
    signedHeaders: get('SignedHeaders').split(';'),
    signature: get('Signature'),
    time: get('Date'),
    validMs: Number(get('Expires')) * 1000,
    payload: get('Content-Sha256') || UNSIGNED,
  }
}

function signatureOf(request: Request, claim: Claim, { secretAccessKey }: Signer): string {
  const { pathname, searchParams } = new URL(request.url)
  const query = [...searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
  const headers = claim.signedHeaders.map(name => {
    return `${name}:${(request.headers.get(name) ?? '').trim().replace(/ +/g, ' ')}\n`
  })
  const path = pathname.split('/').map(part => encode(decodeURIComponent(part)))
  const canonical = [
    ...[request.method, path.join('/'), query.join('&'), headers.join('')],
    ...[claim.signedHeaders.join(';'), claim.payload],
  ].join('\n')
  const scope = claim.credential.split('/').slice(1)
  const toSign = ['AWS4-HMAC-SHA256', claim.time, scope.join('/'), sha256(canonical)].join('\n')
  const key = scope.reduce<string | Buffer>((from, part) => hmac(from, part), `AWS4${secretAccessKey}`)
  return hmac(key, toSign).toString('hex')
}

/** S3 asks for these, so that nobody on the way can add one. */
function mustBeSigned({ headers }: Request): string[] {
  return ['host', ...[...headers.keys()].filter(name => name.startsWith('x-amz-'))]
}

function findDamage({ headers }: Request, body: Uint8Array, payload: string): string | undefined {
  if (payload !== UNSIGNED && payload !== sha256(body)) return 'XAmzContentSHA256Mismatch'
  const digests = { 'content-md5': 'md5', 'x-amz-checksum-sha256': 'sha256' }
  const isWrong = Object.entries(digests).some(([name, algorithm]) => {
    const told = headers.get(name)
    return told !== null && told !== createHash(algorithm).update(body).digest('base64')
  })
  return isWrong ? 'BadDigest' : undefined
}

function parseTime(text: string): number {
  return Date.parse(text.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}

/** RFC 3986: all but the unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    each => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
