import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openWorkingFolder } from '../../src/uploads/working-folder.ts'

test('a folder goes with its owner, and what a killed process has left with the next', async () => {
  const ended = Bun.spawn(['true'])
  await ended.exited
  const abandoned = join(tmpdir(), `sluice-work-${ended.pid}-abcdef`)
  await mkdir(join(abandoned, 'inside'), { recursive: true })
  const first = await openWorkingFolder()
  await Bun.write(join(first.path, 'piece.nut'), 'something')
  expect(existsSync(abandoned)).toBe(false)
  await using second = await openWorkingFolder()
  expect(existsSync(join(first.path, 'piece.nut'))).toBe(true)
  await first[Symbol.asyncDispose]()
  expect(existsSync(first.path)).toBe(false)
  expect(existsSync(second.path)).toBe(true)
})
