import { expect, test } from 'bun:test'
import { descendants, openDescriptors, processTree, treeCost, treeUsage } from './process-tree.ts'
import { waitFor } from './wait-for.ts'

test('a tree holds children and their children, and nothing once they ended', async () => {
  const child = Bun.spawn(['sh', '-c', 'sh -c "sleep 30; true" ; true'])
  try {
    const tree = await waitFor(() => processTree(child.pid).length === 3 && processTree(child.pid), {
      message: 'three processes',
    })
    expect(tree).toContain(child.pid)
    expect(processTree(process.pid)).toEqual(expect.arrayContaining(tree))
    await waitFor(() => descendants(child.pid).some(each => each.command === 'sleep 30'), {
      message: 'sleep',
    })
  } finally {
    for (const pid of processTree(child.pid)) process.kill(pid, 'SIGKILL')
  }
  await child.exited
  await waitFor(() => processTree(child.pid).length === 0, { message: 'the tree to be gone' })
})

test('work is charged to the tree that does it, also after the worker has ended', async () => {
  const child = Bun.spawn(
    ['sh', '-c', 'sh -c "i=0; while [ \\$i -lt 200000 ]; do i=\\$((i+1)); done"; read done'],
    {
      stdin: 'pipe',
    },
  )
  const before = treeUsage(child.pid)
  await waitFor(() => processTree(child.pid).length === 1 && treeUsage(child.pid).cpuSeconds > 0.02, {
    message: 'the work to be done',
  })
  const cost = treeCost(before, treeUsage(child.pid))
  expect(cost.corePercent).toBeGreaterThan(0)
  expect(cost.rssMiB).toBeGreaterThan(0)
  child.stdin.end()
  await child.exited
})

test('sockets held by a process are counted', async () => {
  const before = openDescriptors(process.pid)
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  expect(openDescriptors(process.pid).sockets).toBe(before.sockets + 1)
  server.stop(true)
})
