/** The only reader of the environment: one schema, defaults in place, all problems reported at once. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { z } from 'zod'

const port = z.coerce.number().int().min(1).max(65_535)
const VIDEO_CODECS = ['h264', 'hevc', 'av1'] as const
const AUDIO_CODECS = ['aac', 'opus'] as const
const list = z.string().transform(text => text.split(',').map(each => each.trim().toLowerCase()))
const readableFile = z.string().superRefine((file, context) => {
  try {
    readFileSync(file)
  } catch (error) {
    context.addIssue({ code: 'custom', message: `cannot be read: ${(error as Error).message}` })
  }
})
const MAX_RUNGS = 5
/** Renditions beside the source, best first. */
const ladder = z.string().transform((text, context): 'auto' | 'off' | readonly string[] => {
  if (text === 'auto' || text === 'off') return text
  const heights = text.split(',').map(name => Number(/^(\d{3,4})p$/.exec(name.trim())?.[1]))
  const isUnique = new Set(heights).size === heights.length
  const isPossible = heights.every(height => height >= 120 && height <= 2160)
  if (isPossible && isUnique && heights.length <= MAX_RUNGS)
    return heights.sort((a, b) => b - a).map(height => `${height}p`)
  const message = `must be auto, off, or up to ${MAX_RUNGS} different heights from 120p to 2160p: 720p,480p,240p`
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})
const ROLES = ['serve', 'jobs'] as const
/** Pixels; the same bounds as a channel's own limits have. */
const dimension = z.coerce.number().int().min(128).max(8_192)
const logLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])

const environment = z.object({
  HOST: z.string().default('0.0.0.0'),
  PORT: port.default(3000),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  TRUSTED_PROXY_HOPS: z.coerce.number().int().min(0).max(10).default(0),
  RTMP_PORT: port.default(1935),
  WEBRTC_PORT: port.default(40_000),
  WEBRTC_ANNOUNCED_ADDRESS: z.string().min(1).optional(),
  WEBRTC_WORKERS: z.coerce.number().int().min(1).max(256).default(availableParallelism()),
  RECONNECT_GRACE_MS: z.coerce.number().int().min(0).max(3_600_000).default(30_000),
  DATA_DIR: z.string().min(1).default('./data'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  IRC_PORT: port.optional(),
  AUTH_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  INGEST_MAX_WIDTH: dimension.optional(),
  INGEST_MAX_HEIGHT: dimension.optional(),
  INGEST_MAX_FRAME_RATE: z.coerce.number().min(5).max(240).optional(),
  INGEST_MAX_BITRATE_KBPS: z.coerce.number().int().min(100).max(200_000).optional(),
  INGEST_MAX_KEY_FRAME_INTERVAL_MS: z.coerce.number().int().min(1_000).max(60_000).optional(),
  INGEST_VIDEO_CODECS: list.pipe(z.array(z.enum(VIDEO_CODECS)).min(1)).optional(),
  INGEST_AUDIO_CODECS: list.pipe(z.array(z.enum(AUDIO_CODECS)).min(1)).optional(),
  INGEST_MAX_SESSION_MINUTES: z.coerce
    .number()
    .int()
    .min(1)
    .max(7 * 24 * 60)
    .optional(),
  INGEST_ON_BREACH: z.enum(['refuse', 'warn']).default('refuse'),
  TLS_CERT_FILE: readableFile.optional(),
  TLS_KEY_FILE: readableFile.optional(),
  HTTPS_PORT: port.default(3443),
  RTMPS_PORT: port.default(1936),
  LADDER: ladder.default('auto'),
  LOG_LEVEL: logLevel.default('info'),
  ROLES: list.pipe(z.array(z.enum(ROLES)).min(1)).default(['serve', 'jobs']),
  DVR_WINDOW_MINUTES: z.coerce
    .number()
    .int()
    .min(1)
    .max(7 * 24 * 60)
    .default(720),
  VOD_RETENTION_DAYS: z.coerce.number().int().min(1).max(36_500).optional(),
  UPLOAD_MAX_MB: z.coerce.number().int().min(1).max(1_000_000).default(20_000),
  S3_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  S3_BUCKET: z.string().min(1).optional(),
  S3_REGION: z.string().min(1).default('us-east-1'),
  S3_ACCESS_KEY_ID: z.string().min(1).optional(),
  S3_SECRET_ACCESS_KEY: z.string().min(1).optional(),
  S3_DELIVERY: z.enum(['proxy', 'redirect']).default('proxy'),
})

export interface Config {
  readonly http: {
    readonly host: string
    readonly port: number
    /** Where people reach the pages, when a proxy stands in front; then no other Host is answered. */
    readonly publicUrl: URL | undefined
    /** How many proxies in front append to X-Forwarded-For. */
    readonly trustedProxyHops: number
  }
  readonly rtmp: { readonly host: string; readonly port: number }
  readonly webrtc: {
    readonly host: string
    /** UDP and TCP port of the first worker; each further worker takes the next. */
    readonly port: number
    readonly announcedAddress: string | undefined
    readonly workers: number
  }
  readonly live: {
    /** How long a dropped publisher may return to the same stream; 0: not at all. */
    readonly reconnectGraceMs: number
  }
  /** Renditions beside the source, by name and best first: `['720p', '480p']`; `auto`: by size and cores. */
  readonly ladder: 'auto' | 'off' | readonly string[]
  /** What every publisher is held to. */
  readonly ingest: {
    readonly limits: {
      readonly maxWidth: number | undefined
      readonly maxHeight: number | undefined
      readonly maxFrameRate: number | undefined
      /** Picture and sound together. */
      readonly maxBitrateBps: number | undefined
      readonly maxKeyFrameIntervalMs: number | undefined
      readonly videoCodecs: readonly (typeof VIDEO_CODECS)[number][] | undefined
      readonly audioCodecs: readonly (typeof AUDIO_CODECS)[number][] | undefined
      readonly maxSessionMs: number | undefined
    }
    readonly onBreach: 'refuse' | 'warn'
  }
  /** Undefined: everything is served in plain text, by Sluice itself at least. */
  readonly tls:
    | {
        /** PEM: the certificate with its chain, and its key. */
        readonly certFile: string
        readonly keyFile: string
        readonly httpsPort: number
        readonly rtmpsPort: number
      }
    | undefined
  /** Absolute path of the folder that holds everything Sluice writes. */
  readonly dataDir: string
  /** PostgreSQL; undefined: PGlite inside `dataDir`. */
  readonly databaseUrl: string | undefined
  /** What several instances on one database speak through; undefined: this one is alone. */
  readonly redisUrl: string | undefined
  /** Undefined: the chat has no IRC gateway. */
  readonly irc: { readonly host: string; readonly port: number } | undefined
  /** Signs tokens and encrypts stream keys; undefined: generated once into `dataDir`. */
  readonly authSecret: string | undefined
  /** What this process does: `serve` people and encoders, do `jobs`. */
  readonly roles: readonly (typeof ROLES)[number][]
  readonly vod: {
    /** How far a live stream can be rewound. */
    readonly dvrWindowMs: number
    /** No channel keeps VODs of streams for longer; undefined: for ever. */
    readonly retentionDays: number | undefined
    readonly maxUploadBytes: number
  }
  /** Where media is stored; undefined: below `dataDir`. */
  readonly s3:
    | {
        /** Undefined: Amazon's own. */
        readonly endpoint: string | undefined
        readonly bucket: string
        readonly region: string
        /** Undefined: as the AWS SDK finds them by itself (environment, instance role). */
        readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
        /** Players get segments through this server, or are sent to the bucket by presigned addresses. */
        readonly delivery: 'proxy' | 'redirect'
      }
    | undefined
  readonly logLevel: z.infer<typeof logLevel>
}

/** Says every variable that is wrong, and what it should be. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** Reads `env`; an empty variable counts as unset. Throws `ConfigError` naming all wrong variables at once. */
export function loadConfig(env: Record<string, string | undefined>): Config {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = environment.safeParse(present)
  const issues = [...(parsed.error?.issues ?? []), ...incompleteSets(present), ...lonelyRole(parsed.data)]
  if (!parsed.success || issues.length > 0) {
    const problems = issues.map(issue => `  ${issue.path.join('.')}: ${issue.message}`)
    throw new ConfigError(`These environment variables are wrong:\n${problems.join('\n')}`)
  }
  const vars = parsed.data
  return deepFreeze({
    http: {
      host: vars.HOST,
      port: vars.PORT,
      publicUrl: vars.PUBLIC_URL ? new URL(vars.PUBLIC_URL) : undefined,
      trustedProxyHops: vars.TRUSTED_PROXY_HOPS,
    },
    rtmp: { host: vars.HOST, port: vars.RTMP_PORT },
    webrtc: {
      host: vars.HOST,
      port: vars.WEBRTC_PORT,
      announcedAddress: vars.WEBRTC_ANNOUNCED_ADDRESS,
      workers: vars.WEBRTC_WORKERS,
    },
    live: { reconnectGraceMs: vars.RECONNECT_GRACE_MS },
    ladder: vars.LADDER,
    ingest: ingestOf(vars),
    tls:
      vars.TLS_CERT_FILE && vars.TLS_KEY_FILE
        ? {
            certFile: resolve(vars.TLS_CERT_FILE),
            keyFile: resolve(vars.TLS_KEY_FILE),
            httpsPort: vars.HTTPS_PORT,
            rtmpsPort: vars.RTMPS_PORT,
          }
        : undefined,
    dataDir: resolve(vars.DATA_DIR),
    databaseUrl: vars.DATABASE_URL,
    redisUrl: vars.REDIS_URL,
    irc: vars.IRC_PORT === undefined ? undefined : { host: vars.HOST, port: vars.IRC_PORT },
    authSecret: vars.AUTH_SECRET,
    roles: vars.ROLES,
    vod: {
      dvrWindowMs: vars.DVR_WINDOW_MINUTES * 60_000,
      retentionDays: vars.VOD_RETENTION_DAYS,
      maxUploadBytes: vars.UPLOAD_MAX_MB * 1_000_000,
    },
    s3: s3Of(vars),
    logLevel: vars.LOG_LEVEL,
  })
}

type Variables = z.infer<typeof environment>

function ingestOf(vars: Variables): Config['ingest'] {
  return {
    limits: {
      maxWidth: vars.INGEST_MAX_WIDTH,
      maxHeight: vars.INGEST_MAX_HEIGHT,
      maxFrameRate: vars.INGEST_MAX_FRAME_RATE,
      maxBitrateBps: times(vars.INGEST_MAX_BITRATE_KBPS, 1000),
      maxKeyFrameIntervalMs: vars.INGEST_MAX_KEY_FRAME_INTERVAL_MS,
      videoCodecs: vars.INGEST_VIDEO_CODECS,
      audioCodecs: vars.INGEST_AUDIO_CODECS,
      maxSessionMs: times(vars.INGEST_MAX_SESSION_MINUTES, 60_000),
    },
    onBreach: vars.INGEST_ON_BREACH,
  }
}

function s3Of(vars: Variables): Config['s3'] {
  const { S3_BUCKET: bucket, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = vars
  if (bucket === undefined) return undefined
  return {
    endpoint: vars.S3_ENDPOINT,
    bucket,
    region: vars.S3_REGION,
    credentials: accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined,
    delivery: vars.S3_DELIVERY,
  }
}

/** A certificate is nothing without its key, nor is a key of S3 without its secret or a store without its bucket. */
const SETS = [
  { names: ['TLS_CERT_FILE', 'TLS_KEY_FILE'] },
  { names: ['S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] },
  { names: ['S3_BUCKET'], neededBy: ['S3_ENDPOINT', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] },
]

function incompleteSets(present: Record<string, unknown>) {
  const isSet = (name: string) => present[name] !== undefined
  return SETS.flatMap(({ names, neededBy = names }) => {
    const missing = names.filter(name => !isSet(name))
    if (missing.length === 0 || !neededBy.some(isSet)) return []
    const message = `is missing: set all of ${[...new Set([...names, ...neededBy.filter(isSet)])].join(', ')}`
    return [{ path: missing, message }]
  })
}

/** Who does only a part needs others for the rest, and they meet on one database. */
function lonelyRole(vars: Variables | undefined) {
  if (vars === undefined || vars.DATABASE_URL !== undefined) return []
  if (ROLES.every(role => vars.ROLES.includes(role))) return []
  const message = `${vars.ROLES.join(',')} alone needs a database that other processes share: set DATABASE_URL`
  return [{ path: ['ROLES'], message }]
}

function times(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor
}

function deepFreeze<T extends object>(value: T): T {
  for (const child of Object.values(value)) if (child && child.constructor === Object) deepFreeze(child)
  return Object.freeze(value)
}
