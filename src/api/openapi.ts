/** Describes the tRPC procedures in OpenAPI's words, out of their own schemas. */
import { z } from 'zod'
import { appRouter } from './router.ts'
import type { ProcedureMeta } from './trpc.ts'

/** What tRPC keeps of a procedure and its types do not show. */
interface Definition {
  readonly type: 'query' | 'mutation' | 'subscription'
  readonly inputs: readonly unknown[]
  readonly output?: unknown
  readonly meta?: ProcedureMeta
}

type JsonObject = Record<string, unknown>

/** An OpenAPI `paths` object: one path a procedure. */
export function procedurePaths(): Record<string, JsonObject> {
  const flat = appRouter._def.procedures as unknown as Record<string, { _def: Definition }>
  const procedures = Object.entries(flat)
  return Object.fromEntries(
    procedures.map(([name, procedure]) => {
      const definition = procedure._def
      const method = definition.type === 'mutation' ? 'post' : 'get'
      return [`/trpc/${name}`, { [method]: operation(name, definition) }]
    }),
  )
}

/** How a caller proves who it is. */
export const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer', description: '`accessToken` of `auth.signIn`' },
  session: { type: 'apiKey', in: 'cookie', name: 'sluice_session', description: 'Set by `auth.signIn`' },
} as const

function operation(name: string, { type, inputs, output, meta }: Definition): JsonObject {
  const input = schemaOf(inputs[0], 'input')
  const isRequired = inputs[0] instanceof z.ZodType && !inputs[0].safeParse(undefined).success
  const json = (schema: JsonObject) => ({ 'application/json': { schema } })
  return {
    tags: [name.split('.')[0]],
    operationId: name,
    summary: name,
    ...(meta?.description && { description: meta.description }),
    ...(meta?.needsAccount && { security: [{ bearer: [] }, { session: [] }] }),
    ...(input &&
      type !== 'mutation' && {
        parameters: [
          {
            name: 'input',
            in: 'query',
            required: isRequired,
            description: 'As JSON text',
            content: json(input),
          },
        ],
      }),
    ...(input && type === 'mutation' && { requestBody: { required: isRequired, content: json(input) } }),
    responses: {
      200: {
        description: 'Done',
        content: json(object({ result: object({ data: schemaOf(output, 'output') ?? {} }) })),
      },
      default: { description: 'Refused; `data.reason` is a stable word', content: json(errorSchema) },
    },
  }
}

function schemaOf(parser: unknown, io: 'input' | 'output'): JsonObject | undefined {
  if (!(parser instanceof z.ZodType)) return undefined
  const { $schema, ...schema } = z.toJSONSchema(parser, { io, unrepresentable: 'any' })
  return schema
}

function object(properties: Record<string, JsonObject>): JsonObject {
  return { type: 'object', properties, required: Object.keys(properties) }
}

const errorSchema = object({
  error: object({
    message: { type: 'string' },
    code: { type: 'integer' },
    data: object({ code: { type: 'string' }, httpStatus: { type: 'integer' }, reason: { type: 'string' } }),
  }),
})
