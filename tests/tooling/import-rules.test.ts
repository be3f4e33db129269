/** Each import rule bites: a tree of small files that break every one of them, and a tree that breaks none. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import config from '../../.dependency-cruiser.ts'
import { findViolations, type Violation } from './import-rules.ts'

/** `file imports target`; a target in brackets is imported for its types alone. */
type Import = readonly [file: string, target: string]

const forbidden: readonly (readonly [rule: string, ...Import])[] = [
  ['media-is-pure', 'media/a.ts', 'src/live/hub.ts'],
  ['media-is-pure', 'media/b.ts', '[src/live/hub.ts]'],
  ['media-is-pure', 'media/c.ts', 'node:net'],
  ['media-is-pure', 'media/d.ts', 'zod'],
  ['live', 'src/live/a.ts', 'src/webrtc/x.ts'],
  ['live', 'src/live/b.ts', '[src/hls/x.ts]'],
  ['live', 'src/live/c.ts', 'src/streams/repository.ts'],
  ['types-of-a-service-or-segment', 'src/live/d.ts', 'src/streams/service.ts'],
  ['types-of-a-service-or-segment', 'src/recording/a.ts', 'src/hls/segment.ts'],
  ['inputs-and-outputs', 'src/ingest/a.ts', 'src/webrtc/x.ts'],
  ['inputs-and-outputs', 'src/webrtc/a.ts', 'src/streams/service.ts'],
  ['inputs-and-outputs', 'src/hls/a.tsx', 'src/api/trpc.ts'],
  ['inputs-and-outputs', 'src/flv/a.ts', 'src/hls/x.ts'],
  ['presence', 'src/presence/a.ts', 'src/live/live.ts'],
  ['ways-into-the-chat', 'src/irc/a.ts', 'src/chat/service.ts'],
  ['ways-into-the-chat', 'src/chat-socket/a.ts', 'src/irc/x.ts'],
  ['recording', 'src/recording/b.ts', '[src/hls/window.ts]'],
  ['recording', 'src/recording/c.ts', 'src/channels/service.ts'],
  ['recording', 'src/recording/d.ts', 'src/vod/repository.ts'],
  ['pictures', 'src/pictures/a.ts', 'src/live/hub.ts'],
  ['vod-http', 'src/vod-http/a.ts', 'src/vod/repository.ts'],
  ['upload-http', 'src/upload-http/a.ts', 'src/live/hub.ts'],
  ['jobs', 'src/jobs/a.ts', 'src/vod/service.ts'],
  ['accounts-service', 'src/accounts/service.ts', 'src/channels/service.ts'],
  ['channels-service', 'src/channels/service.ts', 'src/accounts/repository.ts'],
  ['channels-router', 'src/channels/router.ts', 'src/accounts/service.ts'],
  ['streams-service', 'src/streams/a.ts', '[src/live/hub.ts]'],
  ['streams-router', 'src/streams/router.ts', 'src/live/hub.ts'],
  ['chat-service', 'src/chat/service.ts', 'src/api/trpc.ts'],
  ['chat-router', 'src/chat/router.ts', 'src/api/router.ts'],
  ['vod-service', 'src/vod/a.ts', 'src/chat/x.ts'],
  ['vod-router', 'src/vod/router.ts', 'src/vod-other.ts'],
  ['comments-service', 'src/comments/a.ts', 'src/chat/rules/words.ts'],
  ['comments-router', 'src/comments/router.ts', 'src/vod/service.ts'],
  ['clips-service', 'src/clips/a.ts', 'src/live/hub.ts'],
  ['clips-router', 'src/clips/router.ts', 'src/vod/service.ts'],
  ['uploads-service', 'src/uploads/a.ts', 'src/clips/service.ts'],
  ['uploads-router', 'src/uploads/router.ts', 'src/vod/service.ts'],
  ['playback-service', 'src/playback/a.ts', 'src/live/hub.ts'],
  ['playback-router', 'src/playback/router.ts', 'src/hls/x.ts'],
  ['accounts-router', 'src/accounts/router.ts', 'src/db/x.ts'],
  ['domain-speaks-no-http', 'src/accounts/b.ts', '@trpc/server'],
  ['domain-speaks-no-http', 'src/accounts/c.ts', 'elysia'],
  ['leaves', 'src/db/a.ts', 'src/redis/x.ts'],
  ['leaves', 'src/redis/a.ts', 'src/accounts/x.ts'],
  ['leaves', 'src/storage/a.ts', '[src/live/hub.ts]'],
  ['client', 'src/client/a.tsx', '[src/streams/service.ts]'],
  ['client-types', 'src/client/b.ts', 'src/api/router.ts'],
  ['client-runs-in-a-browser', 'src/client/c.ts', 'node:fs'],
  ['web', 'src/web/a.tsx', 'src/streams/service.ts'],
  ['config-types', 'src/hls/b.ts', 'src/config.ts'],
  ['free-modules-are-leaves', 'src/errors.ts', 'src/live/hub.ts'],
  ['nobody-imports-app', 'src/api/a.ts', 'src/app.ts'],
  ['nobody-imports-main', 'tests/a.test.ts', 'src/main.ts'],
  ['product-without-its-tests', 'src/api/b.ts', 'tests/support/x.ts'],
  ['product-without-dev-packages', 'src/api/c.ts', 'werift'],
  ['resolvable', 'src/api/d.ts', 'src/api/nowhere.ts'],
]

const allowed: readonly Import[] = [
  ['media/rtmp/session.ts', 'media/bytes.ts'],
  ['src/live/live.ts', '[src/streams/service.ts]'],
  ['src/live/broadcast.ts', 'media/bytes.ts'],
  ['src/live/transcoder.ts', '[src/config.ts]'],
  ['src/live/ffmpeg.ts', 'src/errors.ts'],
  ['src/ingest/rtmp-server.ts', 'src/live/live.ts'],
  ['src/webrtc/whep.ts', 'elysia'],
  ['src/ingest/sockets.ts', 'bun'],
  ['tests/bun.test.ts', 'bun:test'],
  ['src/hls/routes.ts', 'src/hls/window.ts'],
  ['src/recording/recorder.ts', '[src/hls/segment.ts]'],
  ['src/recording/thumbnailer.ts', 'src/storage/directory.ts'],
  ['src/recording/finish.ts', 'src/vod/service.ts'],
  ['src/recording/spool.ts', 'src/vod/manifest.ts'],
  ['src/recording/archive.ts', '[src/hls/archive.ts]'],
  ['src/pictures/frames.ts', 'src/run-ffmpeg.ts'],
  ['src/vod-http/routes.ts', 'src/vod/manifest.ts'],
  ['src/vod-http/frames.ts', 'src/pictures/frames.ts'],
  ['src/vod/jobs.ts', 'src/jobs/queue.ts'],
  ['src/comments/service.ts', 'src/chat/service.ts'],
  ['src/clips/cut.ts', 'src/vod/manifest.ts'],
  ['src/uploads/join.ts', 'src/vod/manifest.ts'],
  ['src/uploads/plan.ts', 'src/live/ladder-rungs.ts'],
  ['src/uploads/chunk-worker.ts', 'src/vod/segment-row.ts'],
  ['src/upload-http/open-uploads.ts', 'src/uploads/service.ts'],
  ['src/playback/admissions.ts', 'src/live/admission.ts'],
  ['src/vod-http/segments.ts', 'src/live/admission.ts'],
  ['src/streams/service.ts', 'src/channels/service.ts'],
  ['src/chat/service.ts', 'src/redis/bus.ts'],
  ['src/chat/replay.ts', 'src/vod/service.ts'],
  ['src/chat/held-router.ts', 'src/api/trpc.ts'],
  ['src/irc/server.ts', 'src/chat/chat.ts'],
  ['src/channels/router.ts', 'src/api/trpc.ts'],
  ['src/accounts/repository.ts', 'src/db/schema.ts'],
  ['src/api/trpc.ts', '[src/accounts/service.ts]'],
  ['src/client/api-client.ts', '[src/api/router.ts]'],
  ['src/web/page.tsx', 'src/client/api-client.ts'],
  ['src/app.ts', 'src/webrtc/whep.ts'],
  ['src/main.ts', 'src/app.ts'],
  ['tests/app.test.ts', 'src/app.ts'],
  ['tests/whep.test.ts', 'werift'],
  // A cycle in which one import is of types alone.
  ['src/api/inner.ts', '[src/api/outer.ts]'],
  ['src/api/outer.ts', 'src/api/inner.ts'],
]

const cycle: readonly Import[] = [
  ['src/api/one.ts', 'src/api/two.ts'],
  ['src/api/two.ts', 'src/api/one.ts'],
]

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-imports-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

/** Lays a tree with these imports, and says which of them break a rule. */
async function judge(name: string, imports: readonly Import[]): Promise<Violation[]> {
  const tree = join(root, name)
  const project = join(import.meta.dir, '../..')
  await mkdir(tree)
  await symlink(join(project, 'node_modules'), join(tree, 'node_modules'))
  await Bun.write(join(tree, 'package.json'), Bun.file(join(project, 'package.json')))
  const targets = imports.map(([, target]) => target.replace(/^\[|\]$/g, '')).filter(isFile)
  for (const target of targets)
    if (!target.includes('nowhere')) await Bun.write(join(tree, target), 'export {}\n')
  for (const [file, target] of imports) await Bun.write(join(tree, file), importLine(file, target))
  return findViolations(
    tree,
    ['src', 'media', 'tests'].filter(folder => imports.some(([file]) => file.startsWith(folder))),
  )
}

function importLine(file: string, target: string): string {
  const path = target.replace(/^\[|\]$/g, '')
  const up = '../'.repeat(file.split('/').length - 1)
  const specifier = isFile(path) ? `${up}${path}` : path
  return target.startsWith('[')
    ? `import type { Thing } from '${specifier}'\nexport type Own = Thing\n`
    : `import * as thing from '${specifier}'\nexport async function use() {\n  await using own = thing\n  return own\n}\n`
}

const isFile = (target: string) => /^(src|media|tests)\//.test(target)
const asText = (violations: readonly Violation[]) =>
  violations.map(({ rule, from }) => `${rule}: ${from}`).sort()

test('every forbidden import is found, by its own rule', async () => {
  const imports = forbidden.map(([, file, target]) => [file, target] as const)
  const found = asText(await judge('forbidden', imports))
  expect(found).toEqual(forbidden.map(([rule, file]) => `${rule}: ${file}`).sort())
})

test('no allowed import is complained about', async () => {
  expect(await judge('allowed', allowed)).toEqual([])
})

test('a cycle is found', async () => {
  expect(asText(await judge('cycle', cycle))).toEqual(['no-cycle: src/api/one.ts'])
})

test('every rule has an import here that breaks it', () => {
  const tried = new Set<string>([...forbidden.map(([rule]) => rule), 'no-cycle'])
  expect(config.forbidden?.map(rule => rule.name).filter(name => !tried.has(name ?? ''))).toEqual([])
})
