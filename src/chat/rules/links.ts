/** Hides linkify, and the ways in which people write an address so that it is not seen as one. */
import { find } from 'linkifyjs'

/** Endings that advertising lives on and that hardly ever follow a full stop and a space by accident. */
const ENDINGS = '(?:com|org|net|tv|gg|io|xyz|ru|co|cc|ly|de|uk|eu|info|biz|shop|site|online|club|top|vip|win)'
const endsLikeAnAddress = `(?=\\s{0,3}${ENDINGS}(?![\\p{L}\\p{N}]))`
/** "example (dot) com", "example[.]org". */
const bracketedDot = /\s{0,3}[[({<]\s{0,3}(?:dot|punkt|point|\.)\s{0,3}[\])}>]\s{0,3}/giu
/** "example dot com"; a polka dot dress has no such ending. */
const spokenDot = new RegExp(`(?<=[\\p{L}\\p{N}])\\s{1,3}dot\\s{1,3}${endsLikeAnAddress}`, 'giu')
/** "example .com", "example . com", "example,com": a space before a stop is no one's habit. */
const looseDot = new RegExp(`(?<=[\\p{L}\\p{N}])(?:\\s{1,3}\\.\\s{0,3}|,)${endsLikeAnAddress}`, 'giu')
const disguisedScheme = /\bh(?:xx|\*\*)ps?\s{0,3}:\s{0,3}\/\s{0,3}\//giu
/** A number with three dots may be a version; with a port or a path it is an address. */
const numericAddress = /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{2,5}|\/)[^\s]*/gu
/** What browsers take for a full stop (UTS #46). */
const stops = /[。．｡]/gu

/** The web addresses in `text`, as far as a reader would recognise them; empty: none. Mail addresses are none. */
export function findLinks(text: string): string[] {
  const readable = text
    .replace(stops, '.')
    .normalize('NFKC')
    .replace(disguisedScheme, 'https://')
    .replace(bracketedDot, '.')
    .replace(spokenDot, '.')
    .replace(looseDot, '.')
  const found = find(readable, 'url').map(({ value }) => value)
  const numeric = [...readable.matchAll(numericAddress)].map(([value]) => value)
  return [...new Set([...found, ...numeric.filter(value => !found.some(url => url.includes(value)))])]
}
