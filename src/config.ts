/** The only reader of the environment: one schema, defaults in place, all problems reported at once. */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { z } from 'zod'

const port = z.coerce.number().int().min(1).max(65_535)
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
  AUTH_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  LOG_LEVEL: logLevel.default('info'),
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
  /** Absolute path of the folder that holds everything Sluice writes. */
  readonly dataDir: string
  /** PostgreSQL; undefined: PGlite inside `dataDir`. */
  readonly databaseUrl: string | undefined
  /** Signs tokens and encrypts stream keys; undefined: generated once into `dataDir`. */
  readonly authSecret: string | undefined
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
  if (!parsed.success) {
    const problems = parsed.error.issues.map(issue => `  ${issue.path.join('.')}: ${issue.message}`)
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
    dataDir: resolve(vars.DATA_DIR),
    databaseUrl: vars.DATABASE_URL,
    authSecret: vars.AUTH_SECRET,
    logLevel: vars.LOG_LEVEL,
  })
}

function deepFreeze<T extends object>(value: T): T {
  for (const child of Object.values(value)) if (child && child.constructor === Object) deepFreeze(child)
  return Object.freeze(value)
}
