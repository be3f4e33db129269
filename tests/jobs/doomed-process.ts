/** A program: opens the database that it is told as JSON, says when it runs the job `endless`, and never ends it. */
import { Database } from '../../src/db/database.ts'
import { openJobs } from '../../src/jobs/open-jobs.ts'
import { createLog } from '../../src/log.ts'

const database = await Database.open(JSON.parse(process.argv[2]!))
const jobs = await openJobs({ database, roles: ['jobs'], log: createLog('warn') })
await jobs.work<{ word: string }>('endless', { concurrency: 1, timeoutSeconds: 600 }, async ({ word }) => {
  console.log(word)
  await new Promise(() => {})
})
