/** What in a message's text stands for a person or a picture. */

/** Behind a letter it is a mail address. */
const mention = /(?<![\p{L}\p{N}_@.+-])@([a-z0-9_]{3,24})(?![\p{L}\p{N}_])/giu
const emoteCode = /:([a-z0-9_]{2,32}):/gi
/** More in one message is a nuisance, not a conversation. */
const MAX_MENTIONS = 20
const MAX_EMOTES = 50

/** What a code of an emote looks like, without its colons. */
export const emoteCodeForm = /^[a-zA-Z0-9_]{2,32}$/

/** The usernames after `@`, in lower case, each once; whether they exist is not asked. */
export function findMentions(text: string): string[] {
  const names = [...text.matchAll(mention)].map(([, name = '']) => name.toLowerCase())
  return [...new Set(names)].slice(0, MAX_MENTIONS)
}

/** The words between colons (`:wave:`) as they are written, each once; whether there is such an emote is not asked. */
export function findEmoteCodes(text: string): string[] {
  const codes = [...text.matchAll(emoteCode)].map(([, code = '']) => code)
  return [...new Set(codes)].slice(0, MAX_EMOTES)
}
