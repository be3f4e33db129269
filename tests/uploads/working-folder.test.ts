import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openWorkingFolder } from '../../src/uploads/working-folder.ts'

test('a folder goes with its owner, and what a killed process has left with the next', async () => {
  const ended = Bun.spawn(['true'])
  await ended.exited
  const abandoned = [ended.pid, process.pid].map(pid => join(tmpdir(), `sluice-work-${pid}-abcdef`))
  for (const path of abandoned) await mkdir(join(path, 'inside'), { recursive: true })
  const first = await openWorkingFolder()
  await Bun.write(join(first.path, 'piece.nut'), 'something')
  expect(abandoned.filter(existsSync)).toEqual([])
  await using second = await openWorkingFolder()
  expect(existsSync(join(first.path, 'piece.nut'))).toBe(true)
  await first[Symbol.asyncDispose]()
  expect(existsSync(first.path)).toBe(false)
  expect(existsSync(second.path)).toBe(true)
})
