/**
 * `bun hls-players.ts HLS_URL`: requests of one stream what so many Low-Latency HLS players would: for picture and sound
 * each the next playlist, held by the server, then the part it names. Nothing is decoded.
 */
import { distributionOf } from '../support/statistics.ts'
import { obey } from './load-process.ts'

const url = process.argv[2]!
let players = 0
let requests = 0
let bytes = 0
let errors = 0
/** From the moment in which the playlist named a part until it was here. */
let partMs: number[] = []

async function get(address: URL): Promise<Response> {
  const response = await fetch(address, { headers: { 'accept-encoding': 'gzip' } })
  requests++
  if (!response.ok) throw new Error(`${address.pathname}: ${response.status}`)
  return response
}

async function play(playlists: readonly URL[]): Promise<void> {
  await Promise.all(playlists.map(follow))
}

/** One media playlist, for as long as the process lives. */
async function follow(playlist: URL): Promise<void> {
  let next: { sequence: number; part: number } | undefined
  for (;;) {
    try {
      const address = new URL(playlist)
      if (next) {
        address.searchParams.set('_HLS_msn', String(next.sequence))
        address.searchParams.set('_HLS_part', String(next.part))
        address.searchParams.set('_HLS_skip', 'YES')
      }
      const text = await (await get(address)).text()
      const newest = text.lastIndexOf('#EXT-X-PART:')
      const uri = /URI="([^"]+)"/.exec(text.slice(newest))![1]!
      const startedAt = performance.now()
      bytes += (await (await get(new URL(uri, playlist))).arrayBuffer()).byteLength
      partMs.push(performance.now() - startedAt)
      const hint = /#EXT-X-PRELOAD-HINT:.*URI="[^"]*?(\d+)\.(\d+)\.m4s/.exec(text)!
      next = { sequence: Number(hint[1]), part: Number(hint[2]) }
    } catch (error) {
      errors++
      if (errors < 5) console.error(String(error))
      next = undefined
      await Bun.sleep(1_000)
    }
  }
}

/** The playlists a player follows: the best picture and the default sound. */
async function findPlaylists(): Promise<URL[]> {
  const text = await (await fetch(url)).text()
  const picture = text.split('\n').find(line => line !== '' && !line.startsWith('#'))!
  const sound = /#EXT-X-MEDIA:TYPE=AUDIO.*URI="([^"]+)"/.exec(text)?.[1]
  return [picture, ...(sound ? [sound] : [])].map(each => new URL(each, url))
}

await obey(async (verb, count) => {
  if (verb === 'add') {
    for (let added = 0; added < count; added++, players++) void play(await findPlaylists())
  } else if (verb === 'measure') {
    requests = bytes = errors = 0
    partMs = []
  } else {
    return { requests, bytes, errors, partMs: distributionOf(partMs) }
  }
  return { players }
})
