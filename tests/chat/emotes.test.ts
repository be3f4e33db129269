/** Emotes on both databases: what is taken for a picture, what becomes of it, and who may bring one. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import sharp from 'sharp'
import { Emotes } from '../../src/chat/emotes.ts'
import { EmoteImages } from '../../src/chat/emotes-image.ts'
import { EmotesRepository } from '../../src/chat/emotes-repository.ts'
import { chatRoles } from '../../src/db/chat-schema.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { createAccount, createChannel, createServices, type TestServices } from '../support/platform.ts'

const plain = (width: number, height: number, background = '#f80') =>
  sharp({ create: { width, height, channels: 4, background } })
const frames = async (count: number) => {
  const pages = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      plain(200, 100, `hsl(${n * 30}, 90%, 50%)`)
        .png()
        .toBuffer(),
    ),
  )
  return sharp(pages, { join: { animated: true } })
    .gif()
    .toBuffer()
}
const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'accepted',
    error => error.reason ?? String(error),
  )

describe('a picture', () => {
  const images = new EmoteImages()

  test.each(['png', 'jpeg', 'webp', 'gif'] as const)('of %s becomes a small WebP', async format => {
    const { data, width, height } = await images.convert(await plain(400, 200).toFormat(format).toBuffer())
    expect({ width, height }).toEqual({ width: 112, height: 56 })
    expect(await sharp(data).metadata()).toMatchObject({ format: 'webp', width: 112, height: 56 })
  })

  test('is not enlarged', async () => {
    expect(await images.convert(await plain(20, 30).png().toBuffer())).toMatchObject({
      width: 20,
      height: 30,
    })
  })

  test('moves as it did', async () => {
    const { data, width, height } = await images.convert(await frames(5))
    expect({ width, height }).toEqual({ width: 112, height: 56 })
    expect((await sharp(data).metadata()).pages).toBe(5)
  })

  test('moves for 60 frames at most', async () => {
    const { data } = await images.convert(await frames(70))
    expect((await sharp(data).metadata()).pages).toBe(60)
  }, 20_000)

  test('has lost what was hidden in it', async () => {
    const tagged = await plain(50, 50)
      .withExif({ IFD0: { Copyright: 'my address' } })
      .jpeg()
      .toBuffer()
    const { data } = await images.convert(tagged)
    expect((await sharp(data).metadata()).exif).toBeUndefined()
  })

  test.each([
    ['nothing', async () => new Uint8Array()],
    ['a text', async () => Buffer.from('hello, I am a picture')],
    ['an SVG', async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
    ['a signature alone', async () => Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')],
    [
      'half a PNG',
      async () => (await plain(300, 300).png({ compressionLevel: 0 }).toBuffer()).subarray(0, 9_000),
    ],
    ['a TIFF', async () => plain(9, 9).tiff().toBuffer()],
    ['a page with a signature', async () => Buffer.from('GIF89a<script>alert(1)</script>')],
  ])('is not %s', async (_, make) => {
    expect(await reasonOf(images.convert(await make()))).toBe('emote_image_invalid')
  })

  test('that unpacks to a wall is refused before it is unpacked', async () => {
    const wall = await plain(4_500, 4_500).png({ compressionLevel: 9, palette: true }).toBuffer()
    expect(wall.byteLength).toBeLessThan(256 * 1024)
    expect(await reasonOf(images.convert(wall))).toBeOneOf(['emote_image_invalid', 'emote_image_too_big'])
    expect(await reasonOf(images.convert(new Uint8Array(300_000)))).toBe('emote_image_too_big')
  }, 20_000)
})

describe.each([...databaseKinds])('%s', kind => {
  let opened: TestDatabase
  let services: TestServices
  let emotes: Emotes
  let image: Uint8Array

  beforeAll(async () => {
    opened = await openTestDatabase(kind)
    services = createServices(opened.database)
    emotes = new Emotes({ emotes: new EmotesRepository(opened.database.db), images: new EmoteImages() })
    image = await plain(32, 32).png().toBuffer()
  }, 30_000)
  afterAll(() => opened[Symbol.asyncDispose]())

  test('owner and moderators bring and remove emotes, others none', async () => {
    const [owner, moderator, vip] = [
      await createAccount(services),
      await createAccount(services),
      await createAccount(services),
    ]
    const { id: channelId } = await createChannel(services, owner.id)
    const grantedAt = new Date()
    await opened.database.db.insert(chatRoles).values([
      { channelId, accountId: moderator.id, role: 'moderator', grantedAt },
      { channelId, accountId: vip.id, role: 'vip', grantedAt },
    ])
    const wave = await emotes.add(owner.id, { channelId, code: 'wave', image })
    expect(wave).toMatchObject({ code: 'wave', width: 32, height: 32, url: `/emotes/${wave.id}.webp` })
    const party = await emotes.add(moderator.id, { channelId, code: 'Party', image })
    expect(await reasonOf(emotes.add(vip.id, { channelId, code: 'mine', image }))).toBe('not_moderator')
    expect(await reasonOf(emotes.add(owner.id, { channelId, code: 'wave', image }))).toBe('emote_code_taken')
    expect(await reasonOf(emotes.add(owner.id, { channelId, code: 'a b', image }))).toBe('emote_code_invalid')
    const nowhere = { channelId: Bun.randomUUIDv7(), code: 'wave', image }
    expect(await reasonOf(emotes.add(owner.id, nowhere))).toBe('channel_not_found')
    expect((await emotes.list(channelId)).map(each => each.code).sort()).toEqual(['Party', 'wave'])
    const meant = await emotes.resolve(channelId, ['wave', 'party', 'other'])
    expect(meant).toEqual([{ code: 'wave', id: wave.id, url: wave.url }])
    const stored = await emotes.findImage(wave.id)
    expect(await sharp(stored).metadata()).toMatchObject({ format: 'webp', width: 32 })
    expect(await reasonOf(emotes.remove(vip.id, wave.id))).toBe('not_moderator')
    await emotes.remove(moderator.id, wave.id)
    expect(await emotes.findImage(wave.id)).toBeUndefined()
    expect(await emotes.list(channelId)).toEqual([party])
    expect(await reasonOf(emotes.remove(owner.id, wave.id))).toBe('emote_not_found')
  })

  test('a channel has a hundred emotes at most', async () => {
    const owner = await createAccount(services)
    const { id: channelId } = await createChannel(services, owner.id)
    const repository = new EmotesRepository(opened.database.db)
    const insert = (code: string) =>
      repository.insert(
        { id: Bun.randomUUIDv7(), channelId, code, width: 1, height: 1, image, createdAt: new Date() },
        100,
      )
    for (let n = 0; n < 99; n++) await insert(`e${n}`)
    expect((await Promise.all([insert('x'), insert('y')])).sort()).toEqual(['inserted', 'limit_reached'])
    expect(await reasonOf(emotes.add(owner.id, { channelId, code: 'zz', image }))).toBe('emote_limit_reached')
  })
})
