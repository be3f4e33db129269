/** The rules of what is said: texts, links, mentions, emote codes, and floods. */
import { describe, expect, test } from 'bun:test'
import { FloodGuard } from '../../../src/chat/rules/flood.ts'
import { findLinks } from '../../../src/chat/rules/links.ts'
import { findEmoteCodes, findMentions } from '../../../src/chat/rules/mentions.ts'
import { normalizeText } from '../../../src/chat/rules/text.ts'

const reasonOf = (act: () => unknown) => {
  try {
    act()
    return 'accepted'
  } catch (error) {
    return (error as { reason?: string }).reason ?? String(error)
  }
}

describe('a text', () => {
  test.each([
    ['one line', '  two\r\nlines\t and  gaps ', 'two lines and gaps'],
    ['NFC', 'e\u0301tude', 'étude'],
    ['no control characters', 'a\u0000b\u001b[31mc\u007f', 'ab[31mc'],
    ['nothing bidirectional', 'a\u202eb\u2066c\u200fd\u061c', 'abcd'],
    ['nothing invisible', '\u200ba\u00adb\u2060c\ufeff\u3164', 'abc'],
    ['a few marks at most', `z${'\u0335'.repeat(40)}algo`, 'z\u0335\u0335algo'],
    ['no marks of their own', '\u0301\u0301 a', 'a'],
    ['a family', '👨‍👩‍👧‍👦 ❤️ 1️⃣', '👨‍👩‍👧‍👦 ❤️ 1️⃣'],
    ['a flag of a region', '🏴󠁧󠁢󠁥󠁮󠁧󠁿 and 🇩🇪', '🏴󠁧󠁢󠁥󠁮󠁧󠁿 and 🇩🇪'],
    ['no hidden tags', 'hi\u{e0041}\u{e0042}\u{e007f}', 'hi'],
    ['joiners between letters', 'می\u200cخواهم', 'می\u200cخواهم'],
    ['no stray joiners', '\u200da \u200db\u200d\u200d c\u200d', 'a b c'],
    ['Thai, Hindi, Hebrew', 'ที่นี่ हिन्दी שָׁלוֹם', 'ที่นี่ हिन्दी שָׁלוֹם'],
    ['no half pairs', 'a\ud800b', 'ab'],
  ])('has or keeps %s', (_, raw, text) => {
    expect(normalizeText(raw)).toBe(text.normalize('NFC'))
    expect(normalizeText(normalizeText(raw))).toBe(normalizeText(raw))
  })

  test.each([
    ['', 'chat_text_empty'],
    [' \n\t\u200b\u202e ', 'chat_text_empty'],
    ['\u0301', 'chat_text_empty'],
    ['a'.repeat(500), 'accepted'],
    ['a'.repeat(501), 'chat_text_too_long'],
    ['👍🏽'.repeat(500), 'accepted'],
    ['👍🏽'.repeat(501), 'chat_text_too_long'],
    [`a${' '.repeat(5_000)}b`, 'accepted'],
    [' '.repeat(1_000_000), 'chat_text_too_long'],
    [`a${'\u0301'.repeat(5_000)}`, 'chat_text_too_long'],
    [`👨${'‍👩'.repeat(5_000)}`, 'chat_text_too_long'],
  ])('%#: of 1 to 500 graphemes', (raw, outcome) => {
    expect(reasonOf(() => normalizeText(raw))).toBe(outcome)
  })

  test('below a video has lines, and no more than one empty one between two of them', () => {
    const form = { name: 'comment', maxGraphemes: 20, maxBytes: 400, hasLines: true }
    const text = normalizeText('  one \u202e \r\n\r\n\n\u2028 two\vthree\t \n\n', form)
    expect(text).toBe('one\n\ntwo\nthree')
    expect(normalizeText(text, form)).toBe(text)
    expect(normalizeText('a\n'.repeat(10), form)).toBe(`${'a\n'.repeat(9)}a`)
    expect(reasonOf(() => normalizeText('a\n'.repeat(11), form))).toBe('chat_text_too_long')
    expect(reasonOf(() => normalizeText('\n \u200b\n', form))).toBe('chat_text_empty')
  })

  test('is the same when its parts came from anywhere: fuzzed', () => {
    const parts = [
      'a',
      ' ',
      '\u200d',
      '\u200c',
      '\u0301',
      '\u0e31',
      '👨',
      '🏴',
      '\u{e0067}',
      '\u{e007f}',
      '\ud83d',
      '\u202e',
      '\n',
    ]
    for (let round = 0; round < 2_000; round++) {
      const raw = `x${Array.from({ length: 12 }, () => parts[Math.floor(Math.random() * parts.length)]).join('')}`
      const once = normalizeText(raw)
      expect(normalizeText(once)).toBe(once)
      expect(once).not.toMatch(/[\p{Cc}\u202a-\u202e\n]|^\s|\s$|\s\s/u)
    }
  })
})

describe('links', () => {
  test.each([
    ['see https://example.org/a?b=c#d', ['https://example.org/a?b=c#d']],
    ['example.com', ['example.com']],
    ['WWW.EXAMPLE.COM/x', ['WWW.EXAMPLE.COM/x']],
    ['two: a.com b.org', ['a.com', 'b.org']],
    ['example dot com', ['example.com']],
    ['example(dot)com', ['example.com']],
    ['example [.] com', ['example.com']],
    ['discord . gg/abc', ['discord.gg/abc']],
    ['example .com', ['example.com']],
    ['example,com', ['example.com']],
    ['hxxp://example.com', ['https://example.com']],
    ['ｅｘａｍｐｌｅ．ｃｏｍ', ['example.com']],
    ['example。com', ['example.com']],
    ['http://127.0.0.1:8080/', ['http://127.0.0.1:8080/']],
    ['203.0.113.7:25565', ['203.0.113.7:25565']],
    ['bücher.de', ['bücher.de']],
  ])('%j', (text, links) => {
    expect(findLinks(text)).toEqual(links)
  })

  test.each([
    ...[
      'hello',
      'no... really',
      'Nice.And now',
      'a polka dot dress',
      'version 1.2.3.4',
      '3.14',
      'wait. Come on',
      'e.g. this',
    ],
    ...[
      '12:30',
      'me@example.org',
      '1,000,000',
      'I like it, come here',
      '.com',
      ':)',
      'connect the dot. Company',
    ],
  ])('none in %j', text => {
    expect(findLinks(text)).toEqual([])
  })
})

test.each([
  ['@Bob hi @alice_1!', ['bob', 'alice_1']],
  ['@bob,@bob', ['bob']],
  ['mail me@example.org or a.b@c.de', []],
  ['@ab @', []],
  [`@${'a'.repeat(25)}`, []],
  ['(@bob)', ['bob']],
  ['é@bob', []],
])('mentions in %j', (text, names) => {
  expect(findMentions(text)).toEqual(names)
})

test.each([
  [':wave: hi :Wave: :wave:', ['wave', 'Wave']],
  [':a: 12:30:45 ::', ['30']],
  [':one::two:', ['one', 'two']],
  [':not this: :x', []],
])('emote codes in %j', (text, codes) => {
  expect(findEmoteCodes(text)).toEqual(codes)
})

describe('a flood', () => {
  test('is more than five at once; it goes on at the rate of five in three seconds', () => {
    const guard = new FloodGuard()
    const say = (now: number) => reasonOf(() => guard.check('bob', `text ${now} ${Math.random()}`, now))
    const outcomes = Array.from({ length: 7 }, () => say(1_000))
    expect(outcomes).toEqual([...Array(5).fill('accepted'), 'chat_flood', 'chat_flood'])
    expect([say(1_500), say(1_600), say(1_700), say(2_200)]).toEqual([
      ...['chat_flood', 'accepted', 'chat_flood', 'accepted'],
    ])
    expect(reasonOf(() => guard.check('alice', 'hi', 2_200))).toBe('accepted')
  })

  test('a refusal says when to come back', () => {
    const guard = new FloodGuard()
    guard.check('bob', 'hi', 0)
    expect(() => guard.check('bob', 'hi', 10_000)).toThrow(expect.objectContaining({ retryAfterSeconds: 20 }))
  })

  test('the same twice within 30 s is refused, whatever its case and signs', () => {
    const guard = new FloodGuard()
    guard.check('bob', 'Buy my Stuff!', 0)
    for (const [at, text] of [
      [5_000, 'buy my stuff'],
      [12_000, 'BUY MY STUFF!!!'],
      [29_999, 'buy, my stuff'],
    ] as const)
      expect(reasonOf(() => guard.check('bob', text, at))).toBe('chat_duplicate')
    expect(reasonOf(() => guard.check('alice', 'buy my stuff', 20_000))).toBe('accepted')
    expect(reasonOf(() => guard.check('bob', 'buy my stuff', 30_000))).toBe('accepted')
    expect(reasonOf(() => guard.check('bob', '?', 40_000))).toBe('accepted')
    expect(reasonOf(() => guard.check('bob', '!', 40_000))).toBe('accepted')
  })

  test('of chatters fills no memory', () => {
    const guard = new FloodGuard({ maxKeys: 100 })
    for (let key = 0; key < 1_000; key++) guard.check(String(key), 'hi', key)
    expect(guard.size).toBe(100)
  })
})
