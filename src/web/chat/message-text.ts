/** What a message's text consists of: words, mentions, the channel's emotes and links. */
import { find } from 'linkifyjs'
import type { ChatMessage } from './message-log.ts'

export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'mention'; readonly text: string; readonly username: string }
  | { readonly kind: 'emote'; readonly code: string; readonly url: string }
  | { readonly kind: 'link'; readonly text: string; readonly url: string }

/** Behind a letter an at sign belongs to a mail address; between colons stands a code. */
const special = /(?<![\p{L}\p{N}_@.+-])@[a-z0-9_]{3,24}(?![\p{L}\p{N}_])|:[a-z0-9_]{2,32}:/giu

/** In the order of the text; put together they say the same. */
export function piecesOf({
  text,
  mentions,
  emotes,
}: Pick<ChatMessage, 'text' | 'mentions' | 'emotes'>): Piece[] {
  const named = new Set(mentions.map(name => name.toLowerCase()))
  const pictures = new Map(emotes.map(({ code, url }) => [code, url]))
  const pieces: Piece[] = []
  let end = 0
  for (const link of linksIn(text)) {
    pieces.push(...wordsOf(text.slice(end, link.start), named, pictures))
    pieces.push({ kind: 'link', text: text.slice(link.start, link.end), url: link.href })
    end = link.end
  }
  return [...pieces, ...wordsOf(text.slice(end), named, pictures)]
}

/** Addresses with a full stop alone: most messages have none, and cost no search. */
function linksIn(text: string) {
  if (!text.includes('.')) return []
  const links = find(text, 'url', { defaultProtocol: 'https' })
  return links.filter(({ href }) => /^https?:\/\//i.test(href))
}

function wordsOf(text: string, named: ReadonlySet<string>, pictures: ReadonlyMap<string, string>): Piece[] {
  const pieces: Piece[] = []
  let end = 0
  const add = (piece: Piece, start: number, length: number) => {
    if (start > end) pieces.push({ kind: 'text', text: text.slice(end, start) })
    pieces.push(piece)
    end = start + length
  }
  for (const match of text.matchAll(special)) {
    const [word] = match
    const [name, code] = [word.slice(1).toLowerCase(), word.slice(1, -1)]
    const url = pictures.get(code)
    if (word.startsWith('@') && named.has(name))
      add({ kind: 'mention', text: word, username: name }, match.index, word.length)
    else if (word.startsWith(':') && url) add({ kind: 'emote', code, url }, match.index, word.length)
  }
  if (end < text.length) pieces.push({ kind: 'text', text: text.slice(end) })
  return pieces
}
