import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { tempFolder } from './temp-folder.ts'

test('a folder is there, and is gone with all that was put into it', async () => {
  let path: string
  {
    await using folder = await tempFolder()
    path = folder.path
    await Bun.write(join(path, 'deep/er/file'), 'text')
    expect(existsSync(join(path, 'deep/er/file'))).toBe(true)
  }
  expect(existsSync(path)).toBe(false)
})
