/** Who may import whom: the table in the README's architecture section, as rules for dependency-cruiser. */
import type { IConfiguration, IForbiddenRuleType } from 'dependency-cruiser'

const TYPES_ONLY: { dependencyTypesNot: ['type-only'] } = { dependencyTypesNot: ['type-only'] }
/** Free to every module of src. */
const FREE =
  '^src/(errors|log|tasks|config|connection-tally|outgoing|media-response|media-request|limiter|run-ffmpeg)[.]ts$'
/** The domains, and whose service a domain's own modules may call. */
const CALLS: Record<string, readonly string[]> = {
  accounts: [],
  channels: ['accounts'],
  streams: ['channels', 'accounts'],
  chat: ['vod', 'streams', 'channels', 'accounts'],
  vod: ['streams', 'channels', 'accounts'],
  comments: ['chat', 'vod', 'streams', 'channels', 'accounts'],
  clips: ['vod', 'streams', 'channels', 'accounts'],
  uploads: ['vod', 'streams', 'channels', 'accounts'],
  playback: [],
}
/** What else their modules know: domains that make media, and who lets viewers in. */
const KNOWS: Record<string, readonly string[]> = {
  chat: ['^src/presence/presence[.]ts$'],
  clips: ['^src/vod/(manifest|object-keys|timeline|visibility)[.]ts$'],
  uploads: ['^src/vod/(manifest|object-keys|segment-row|visibility)[.]ts$', '^src/live/'],
  playback: ['^src/live/admission[.]ts$'],
}
const DOMAINS = Object.keys(CALLS)

/** A part of src whose modules import only themselves, what is free, and the modules that match `allowed`. */
function layer(
  name: string,
  from: IForbiddenRuleType['from'],
  allowed: readonly string[],
  comment: string,
): IForbiddenRuleType {
  return { name, comment, severity: 'error', from, to: { path: '^src/', pathNot: [FREE, ...allowed] } }
}

const domainRules = Object.entries(CALLS).flatMap(([domain, callable]) => [
  layer(
    `${domain}-service`,
    { path: `^src/${domain}/`, pathNot: `^src/${domain}/[a-z-]*router[.]ts$` },
    [
      `^src/(${domain}|redis|storage|db)/`,
      '^src/jobs/queue[.]ts$',
      ...callable.map(other => `^src/${other}/service[.]ts$`),
      ...(KNOWS[domain] ?? []),
    ],
    'A service knows its own repository, the leaves, and the services to its right: comments → chat; clips, ' +
      'uploads, chat → vod → streams → channels → accounts.',
  ),
  layer(
    `${domain}-router`,
    { path: `^src/${domain}/[a-z-]*router[.]ts$` },
    [`^src/${domain}/`, '^src/api/(?!(router|server)[.]ts$)'],
    'A router knows the api, and reaches every service and the media plane through its ctx.',
  ),
])

const config: IConfiguration = {
  forbidden: [
    {
      name: 'media-is-pure',
      comment: 'media holds pure functions and push parsers: no package, no builtin, nothing of the product.',
      severity: 'error',
      from: { path: '^media/' },
      to: { pathNot: '^media/' },
    },
    layer(
      'live',
      { path: '^src/live/' },
      ['^src/live/', '^src/streams/service[.]ts$'],
      'live knows no protocol and no output.',
    ),
    layer(
      'inputs-and-outputs',
      { path: '^src/(ingest|webrtc|hls|flv)/' },
      ['^src/$1/', '^src/live/'],
      'ingest, webrtc, hls and flv know media and live, not each other.',
    ),
    layer(
      'recording',
      { path: '^src/recording/' },
      [
        '^src/(recording|live|storage)/',
        '^src/hls/(segment|archive|rendition|cutter)[.]ts$',
        '^src/vod/(service|manifest|object-keys|segment-row)[.]ts$',
        '^src/jobs/queue[.]ts$',
      ],
      'recording knows live, storage, the VODs that it fills, and the segments that HLS makes.',
    ),
    {
      name: 'types-of-a-service-or-segment',
      comment: 'live knows the types of streams/service, recording those of hls.',
      severity: 'error',
      from: { path: '^src/(live|recording)/' },
      to: { path: '^src/(streams/service|hls/[a-z-]+)[.]ts$', ...TYPES_ONLY },
    },
    layer(
      'pictures',
      { path: '^src/pictures/' },
      [
        '^src/(pictures|storage)/',
        '^src/vod/(service|manifest|object-keys|job-names)[.]ts$',
        '^src/jobs/queue[.]ts$',
      ],
      'pictures takes single frames out of what is stored.',
    ),
    layer(
      'upload-http',
      { path: '^src/upload-http/' },
      [
        '^src/(upload-http|uploads)/',
        '^src/vod/service[.]ts$',
        '^src/jobs/queue[.]ts$',
        '^src/storage/object-store[.]ts$',
        '^src/db/database[.]ts$',
      ],
      'upload-http receives what the uploads make videos of.',
    ),
    layer(
      'vod-http',
      { path: '^src/vod-http/' },
      [
        '^src/(vod-http|storage|pictures|playback)/',
        '^src/vod/(service|manifest|visibility|object-keys)[.]ts$',
        '^src/live/admission[.]ts$',
      ],
      'vod-http serves what is stored; it changes nothing.',
    ),
    layer(
      'jobs',
      { path: '^src/jobs/' },
      ['^src/(jobs|db)/'],
      'jobs runs what others hand in, and knows none of it.',
    ),
    layer(
      'presence',
      { path: '^src/presence/' },
      ['^src/(presence|redis)/'],
      'presence knows Redis alone; who watches and who chats is told to it.',
    ),
    layer(
      'ways-into-the-chat',
      { path: '^src/(chat-socket|irc)/' },
      ['^src/$1/', '^src/chat/(chat|events|expulsion|tally)[.]ts$', '^src/api/(request-facts|sockets)[.]ts$'],
      'The ways into the chat know what it promises, not how it keeps that, and not each other.',
    ),
    ...domainRules,
    {
      name: 'domain-speaks-no-http',
      comment: 'Only a router knows tRPC, and none knows Elysia.',
      severity: 'error',
      from: { path: `^src/(${DOMAINS.join('|')})/` },
      to: { path: '(^|/)node_modules/(@trpc|elysia|@elysiajs)/' },
    },
    layer('leaves', { path: '^src/(db|redis|storage)/' }, ['^src/$1/'], 'db, redis and storage are leaves.'),
    layer(
      'client',
      { path: '^src/client/' },
      [
        '^src/client/',
        '^src/api/router[.]ts$',
        '^src/chat/(chat|events)[.]ts$',
        '^src/chat-socket/wire[.]ts$',
      ],
      'client is what a frontend imports: it knows the server by the types of its API and its chat alone.',
    ),
    {
      name: 'client-types',
      comment: 'Server code never gets into a browser.',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { path: ['^src/(?!client/)'], ...TYPES_ONLY },
    },
    {
      name: 'client-runs-in-a-browser',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { dependencyTypes: ['core'] },
    },
    layer(
      'web',
      { path: '^src/web/' },
      ['^src/(web|client)/'],
      'The pages talk to the server only through client.',
    ),
    {
      name: 'config-types',
      comment: 'Only the composition root reads the configuration; what a module needs of it is handed in.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main|app|verify)[.]ts$' },
      to: { path: '^src/config[.]ts$', ...TYPES_ONLY },
    },
    {
      name: 'free-modules-are-leaves',
      severity: 'error',
      from: { path: FREE },
      to: { path: '^src/', pathNot: FREE },
    },
    {
      name: 'nobody-imports-app',
      comment: 'What opens everything is used by the start alone.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main|verify|app|jobs-app|job-handlers|media-plane)[.]ts$' },
      to: { path: '^src/(app|ground|jobs-app|job-handlers|media-plane)[.]ts$' },
    },
    {
      name: 'nobody-imports-main',
      severity: 'error',
      from: {},
      to: { path: '^src/(main|verify)[.]ts$' },
    },
    {
      name: 'product-without-its-tests',
      severity: 'error',
      from: { path: '^(src|media)/' },
      to: { path: '^(tests|docker)/' },
    },
    {
      name: 'product-without-dev-packages',
      comment: 'What runs in production is a dependency in package.json, not a devDependency.',
      severity: 'error',
      from: { path: '^(src|media)/' },
      to: { dependencyTypes: ['npm-dev'], ...TYPES_ONLY },
    },
    {
      name: 'no-cycle',
      comment: 'A cycle is broken where one of its imports is of types alone.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: TYPES_ONLY },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^bun(:|$)' } },
  ],
  options: {
    doNotFollow: { path: ['node_modules'] },
    // TypeScript 7 has no JavaScript API, which leaves swc to parse TypeScript and TSX.
    parser: 'swc',
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json', '.css', '.html'],
    },
  },
}

export default config
