/** Messages of all kinds that a chat has, for what shows them. */
import { message, messageId } from './chat-site.ts'

/** A face, as the emotes of channels are. */
export const EMOTE =
  'data:image/svg+xml,%3Csvg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 28 28"%3E%3Ccircle cx="14" cy="14" r="13" fill="%23f5b942"/%3E%3Cpath d="M8 16q6 7 12 0M9 10v2m10-2v2" stroke="%23222" stroke-width="2" fill="none"/%3E%3C/svg%3E'

/** Every seventh answers, every fifth has a badge, and some have emotes, links and a lot to say. */
export function variedMessage(number: number) {
  const plain = message(number)
  const texts = [
    'Good evening :adaWave:',
    `This is message ${number}`,
    'Look at https://example.org/a/rather/long/address/that/has/to/break?somewhere=1 before it is gone',
    '@grace what do you think of the loom? I have thought about it for a while, and cannot see how it should work.',
    'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft',
    '😂😂😂 👩🏽‍🚀',
  ]
  const text = texts[number % texts.length]!
  const badges = number % 5 === 0 ? (['moderator'] as const) : number % 11 === 0 ? (['vip'] as const) : []
  const replyTo = { id: messageId(number - 3), username: 'radia', text: 'How are you all this evening?' }
  return message(number, text, {
    author: { ...plain.author, badges },
    emotes: text.includes(':adaWave:') ? [{ code: 'adaWave', url: EMOTE }] : [],
    mentions: text.includes('@grace') ? ['grace'] : [],
    replyTo: number % 7 === 0 ? replyTo : null,
  })
}
