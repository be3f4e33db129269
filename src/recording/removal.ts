/** Takes away all that is stored of a VOD. */
import type { ObjectStore } from '../storage/object-store.ts'

const BATCH = 500

/** Every object of the VOD; running it again goes on where it stopped. */
export async function removeObjects(store: ObjectStore, vodId: string): Promise<void> {
  let keys: string[] = []
  for await (const { key } of store.list(`vods/${vodId}/`)) {
    keys.push(key)
    if (keys.length < BATCH) continue
    await store.delete(keys)
    keys = []
  }
  await store.delete(keys)
}
