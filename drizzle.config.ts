/** Tells drizzle-kit where the schema lies: `bunx drizzle-kit generate` writes the next migration. */
import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: [
    './src/db/schema.ts',
    './src/db/chat-schema.ts',
    './src/db/vod-schema.ts',
    './src/db/comment-schema.ts',
    './src/db/playback-schema.ts',
  ],
  out: './drizzle',
})
