/** A file that is sent becomes a video, as its sender sees it. */
import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Upload } from 'tus-js-client'
import { runFfmpeg } from '../support/ffmpeg-child.ts'
import { type Sluice, startSluice, type TestChannel } from '../support/sluice.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const FPS = 30
const SECONDS = 70
const PIECE_BYTES = 256 * 1024

/** Sends with tus-js-client until `until` bytes are there; resolves with the bytes that the server has. */
async function send(url: string, file: Uint8Array, token: string, until = file.byteLength): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const upload = new Upload(Buffer.from(file) as never, {
    uploadUrl: url,
    chunkSize: PIECE_BYTES,
    retryDelays: null,
    headers: { authorization: `Bearer ${token}` },
    onChunkComplete: (_, accepted) => {
      if (accepted < until || accepted === file.byteLength) return
      void upload.abort()
      resolve(accepted)
    },
    onSuccess: () => resolve(file.byteLength),
    onError: reject,
  })
  upload.start()
  return promise
}

async function begin(sluice: Sluice, channel: TestChannel, sizeBytes: number) {
  const { accessToken: token } = await sluice.client.auth.signIn.mutate(channel.credentials)
  const input = { channelId: channel.id, sizeBytes, title: 'A film', visibility: 'public' as const }
  const { vodId, uploadUrl } = await channel.client.uploads.create.mutate(input)
  return { token, vodId, url: `${sluice.url}${uploadUrl}` }
}

test('a file whose sending broke off goes on where it was, and becomes a video with every picture of it', async () => {
  await using folder = await tempFolder()
  await using sluice = await startSluice()
  const channel = await sluice.createChannel('alice')
  const path = join(folder.path, 'film.mp4')
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=640x480:rate=${FPS}:duration=${SECONDS}`]
  const sound = ['-f', 'lavfi', '-i', `sine=duration=${SECONDS}`]
  await runFfmpeg([
    ...picture,
    ...sound,
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-g',
    '200',
    '-c:a',
    'aac',
    path,
  ])
  const file = await Bun.file(path).bytes()
  const { token, vodId, url } = await begin(sluice, channel, file.byteLength)

  const sent = await send(url, file, token, 3 * PIECE_BYTES)
  expect(sent).toBeLessThan(file.byteLength)
  const head = await fetch(url, {
    method: 'HEAD',
    headers: { 'tus-resumable': '1.0.0', authorization: `Bearer ${token}` },
  })
  expect(Number(head.headers.get('upload-offset'))).toBe(sent)
  const stranger = await sluice.createChannel('bob')
  const { accessToken } = await sluice.client.auth.signIn.mutate(stranger.credentials)
  for (const authorization of [undefined, `Bearer ${accessToken}`]) {
    const headers = { 'tus-resumable': '1.0.0', ...(authorization && { authorization }) }
    expect((await fetch(url, { method: 'HEAD', headers })).status).toBe(404)
  }
  await send(url, file, token)

  const steps = new Set<number>()
  const vod = await waitFor(
    async () => {
      const now = await channel.client.vods.get.query({ id: vodId })
      if (now.progress !== null) steps.add(now.progress)
      return now.status === 'ready' && now
    },
    { message: 'the video to be ready', timeoutMs: 180_000, intervalMs: 100 },
  )
  expect(steps.size).toBeGreaterThan(2)
  expect(vod.durationMs).toBe(SECONDS * 1000)
  const decode = ['-v', 'error', '-xerror', '-i', `${sluice.url}/vod/${vodId}/index.m3u8`]
  const progress = ['-map', '0:v:0', '-fps_mode', 'passthrough', '-f', 'null', '-progress', 'pipe:1', '-']
  const child = Bun.spawn(['ffmpeg', ...decode, ...progress], { stdout: 'pipe', stderr: 'pipe' })
  const [out, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  expect(errors).toBe('')
  expect([...out.matchAll(/^frame=(\d+)$/gm)].at(-1)?.[1]).toBe(String(FPS * SECONDS))
  expect(await readdir(join(sluice.dataDir, 'uploads'))).toEqual([])
  expect(existsSync(join(sluice.dataDir, 'media/uploads', vodId))).toBe(false)
}, 240_000)

test('a file that is no video is refused in words, whatever its name', async () => {
  await using sluice = await startSluice()
  const channel = await sluice.createChannel('alice')
  const file = new TextEncoder().encode('#!/bin/sh\necho no video\n'.repeat(1_000))
  const { token, vodId, url } = await begin(sluice, channel, file.byteLength)
  await send(url, file, token)
  const problem = async () => {
    const { status, problem } = await channel.client.vods.get.query({ id: vodId })
    return status === 'failed' && problem
  }
  expect(await waitFor(problem, { message: 'the refusal' })).toContain('no video')
})
