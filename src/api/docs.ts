/** The API documentation: the OpenAPI document, and a page that shows it with nothing from outside this server. */
import { dirname, join } from 'node:path'
import { openapi } from '@elysiajs/openapi'
import { Elysia } from 'elysia'
import { procedurePaths, securitySchemes } from './openapi.ts'

const SCRIPT_PATH = '/docs/reference.js'

const configuration = {
  url: '/docs/json',
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
  defaultOpenAllTags: true,
}

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice API</title>
<body>
<script id="api-reference" data-configuration="${Bun.escapeHTML(JSON.stringify(configuration))}"></script>
<script src="${SCRIPT_PATH}"></script>
</html>
`

/** `/docs` and `/docs/json`. */
export function docs() {
  const script = join(
    dirname(Bun.resolveSync('@scalar/api-reference/package.json', import.meta.dir)),
    'dist/browser',
  )
  return new Elysia({ name: 'docs' })
    .get('/docs', () => new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8' } }), {
      detail: { hide: true },
    })
    .get(
      SCRIPT_PATH,
      () =>
        new Response(Bun.file(join(script, 'standalone.js')), {
          headers: {
            'content-type': 'text/javascript; charset=utf-8',
            'cache-control': 'public, max-age=3600',
          },
        }),
      { detail: { hide: true } },
    )
    .use(
      openapi({
        path: '/docs',
        specPath: '/docs/json',
        provider: null,
        exclude: { staticFile: false },
        documentation: {
          info: {
            title: 'Sluice',
            version: '1',
            description: 'Live streaming: RTMP in, WebRTC and Low-Latency HLS out.',
          },
          tags: ['auth', 'channels', 'streams', 'playback', 'chat', 'operations'].map(name => ({ name })),
          paths: procedurePaths() as never,
          components: { securitySchemes },
        },
      }),
    )
}
