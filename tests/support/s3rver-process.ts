/**
 * A program: s3rver on a free port, with the bucket `media` in the folder that it is told. Prints its port, and ends with
 * its standard input. What s3rver lacks of S3 is put right here: objects appear whole, lists are in order and can have
 * more than one page, the first byte alone can be asked for, and many can be deleted at once.
 */
import crypto from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import S3rver from 's3rver'
import S3Object from 's3rver/lib/models/object.js'

const BUCKET = 'media'
const SUFFIX = '._S3rver_object'
const directory = process.argv[2]!
const server = new S3rver({
  ...{ address: '127.0.0.1', port: 0, silent: true, directory, vhostBuckets: false },
  configureBuckets: [{ name: BUCKET, configs: [] }],
})
const { store } = server

// It makes tokens with a cipher that not every runtime has under that name.
const { createCipheriv, createDecipheriv } = crypto
const nameOf = (name: string) => (name === 'des' ? 'des-cbc' : name)
Object.assign(crypto, {
  createCipheriv: (name: string, key: Buffer, iv: Buffer) => createCipheriv(nameOf(name), key, iv),
  createDecipheriv: (name: string, key: Buffer, iv: Buffer) => createDecipheriv(nameOf(name), key, iv),
})

store.putObject = async ({ bucket, key, content, metadata }) => {
  const bytes = await buffer(content)
  const md5 = crypto.createHash('md5').update(bytes).digest('hex')
  const draft = join(directory, crypto.randomUUID())
  await writeFile(draft, bytes)
  const path = store.getResourcePath(bucket, key, 'object')
  await mkdir(dirname(path), { recursive: true })
  await store.putMetadata(bucket, key, metadata, md5)
  await rename(draft, path)
  return { size: bytes.length, md5 }
}

store.deleteObject = async (bucket, key) => {
  for (const part of ['object', 'object.md5', 'metadata.json'])
    await rm(store.getResourcePath(bucket, key, part), { force: true })
}

store.listObjects = async (bucket, { prefix = '', startAfter = '', maxKeys }) => {
  const files = await Array.fromAsync(new Bun.Glob(`**/*${SUFFIX}`).scan(join(directory, bucket)))
  const keys = files.map(file => file.slice(0, -SUFFIX.length))
  const wanted = keys.filter(key => key.startsWith(prefix) && key > startAfter).sort()
  const objects = await Promise.all(
    wanted
      .slice(0, maxKeys)
      .map(async key => new S3Object(bucket, key, null, await store.getMetadata(bucket, key))),
  )
  return { objects, commonPrefixes: [], isTruncated: wanted.length > maxKeys }
}

store.getObject = async (bucket, key, { start, end } = {}) => {
  const bytes = await readFile(store.getResourcePath(bucket, key, 'object')).catch(() => undefined)
  if (bytes === undefined) return null
  const metadata = { ...(await store.getMetadata(bucket, key)), 'content-length': bytes.length }
  const object = new S3Object(bucket, key, null, metadata)
  const range = { start: start ?? 0, end: Math.min(end ?? Number.POSITIVE_INFINITY, bytes.length - 1) }
  if (start !== undefined) object.range = range
  if (start === undefined || range.start <= range.end)
    object.content = Readable.from([bytes.subarray(range.start, range.end + 1)], { objectMode: false })
  return object
}

console.log((await server.run()).port)
for await (const _ of process.stdin);
process.exit()
