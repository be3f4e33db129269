/** What the API documentation says of the WebSocket; the types are in wire.ts. */

const text = `
A WebSocket (\`wss://HOST/chat/SLUG\`), protocol version 1: JSON objects. The client sends one in a text frame of at most
8 KiB; the server sends one or more in a frame, with a line feed between them.

**Who is connected**: by the session cookie (pages of this site only), by \`Authorization: Bearer\` with an access token,
or by \`?ticket=\` from \`chat.ticket\`, which holds for 30 s; otherwise a guest. A page of another origin that sends the cookie
without a ticket is refused (403).

**Coming back**: \`?after=SEQ\` with the highest \`seq\` that was seen. Nothing is missed; where that would be too much,
\`{"type":"gap"}\` says that the history (\`chat.history\`) is to be read again.

**From the client**

| object | is |
| --- | --- |
| \`{"type":"send","ref":1,"text":"hello","replyTo":"ID"}\` | a message, or a command (\`/timeout bob 600 spam\`); \`replyTo\` may be left out |
| \`{"type":"react","ref":2,"reaction":"🔥"}\` | a floating reaction |
| \`{"type":"ping"}\` | asks for \`{"type":"pong"}\` |

\`ref\` (a number, a string of at most 64 characters, or nothing) comes back in the answer. At most 4 messages may wait for theirs.

**From the server**

| type | fields |
| --- | --- |
| \`hello\` | \`version\`, \`slug\`, \`seq\`, \`me\`, \`settings\`: first, once |
| \`ok\` | \`ref\`, \`id\` of the message or \`text\` to show to its author |
| \`error\` | \`ref\`, \`reason\` (a stable word), \`message\`, maybe \`retryAfterSeconds\` |
| \`message\` | \`seq\`, \`message\`: \`id\`, \`author\` (\`id\`, \`username\`, \`badges\`), \`text\`, \`sentAt\`, \`replyTo\`, \`mentions\`, \`emotes\` |
| \`deleted\` | \`seq\`, \`id\`: not to be shown any more |
| \`expelled\` | \`seq\`, \`account\`, \`seconds\` (absent: a ban): nothing that they wrote is to be shown any more |
| \`cleared\` | \`seq\`: nothing before it is to be shown any more |
| \`settings\`, \`me\` | the room's settings, one's own standing, when they have changed |
| \`presence\` | \`viewers\`, \`chatters\`, \`joined\`, \`left\` |
| \`reactions\` | \`counts\` since the last, \`likes\` in all |
| \`notice\` | \`code\` (\`degraded\`, \`restored\`), \`text\` |
| \`held\`, \`reviewed\` | to owner and moderators: \`message\` and \`reason\`; \`id\` and \`isApproved\` |
| \`gap\`, \`pong\` | as said above |

\`seq\` is the place in the room's one order, the same on every instance.

**Close codes**: 1001 the server stops, 1009 a frame was too big, 4001 banned, 4002 too slow (come back with \`after\`), 4003
too much that is no message, 4004 no such channel, 4005 the channel is private: its members only.
`

export const description = {
  tags: ['chat'],
  summary: 'The chat by WebSocket',
  operationId: 'chatSocket',
  description: text.trim(),
  parameters: [
    { name: 'slug', in: 'path', required: true, schema: { type: 'string' } },
    {
      name: 'after',
      in: 'query',
      description: 'The highest `seq` that was seen',
      schema: { type: 'integer' },
    },
    { name: 'ticket', in: 'query', description: 'From `chat.ticket`', schema: { type: 'string' } },
  ],
  responses: {
    101: { description: 'Upgraded' },
    403: { description: 'From a page of another origin, without a ticket' },
    426: { description: 'The request asks for no upgrade' },
    429: { description: 'Too many connections' },
  },
} as const
