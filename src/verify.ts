/** A program: compares what is stored of VODs with what is written down of them, and mends it if told so. */
import { parseArgs } from 'node:util'
import { loadConfig } from './config.ts'
import { openGround } from './ground.ts'
import { createLog } from './log.ts'
import { repair } from './vod/repair.ts'
import { StoredVods } from './vod/stored-vods.ts'
import { Verification, type Verified } from './vod/verification.ts'

const USAGE = `usage: bun src/verify.ts [--checksums] [--repair [--force]]
  --checksums  read every object, and compare its SHA-256
  --repair     lost segments become gaps, what belongs to nothing is removed, sizes and pictures are made right
  --force      repair also when most of what is written down is not there`
/** All was as it should be, or is now; something is wrong; it could not be found out. */
const STATUS = { right: 0, wrong: 1, unknown: 2 }
const SHOWN = 200

try {
  process.exitCode = await verify()
} catch (error) {
  console.error(`Nothing can be said: ${(error as Error).message}`)
  process.exitCode = STATUS.unknown
}

async function verify(): Promise<number> {
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({ options: { checksums: flag, repair: flag, force: flag, help: flag } })
  if (values.help) {
    console.log(USAGE)
    return STATUS.right
  }
  // It only sends jobs.
  const config = { ...loadConfig(process.env), roles: ['serve'] as const }
  await using opened = new AsyncDisposableStack()
  const { database, store, services } = await openGround(config, createLog(config.logLevel), opened)
  const vods = new StoredVods(database.db)
  const { manifest } = services
  const look = () => Verification.run({ store, manifest, vods, withChecksums: values.checksums })
  const found = await look()
  print(found)
  if (found.problems.length === 0) return STATUS.right
  if (!values.repair) return STATUS.wrong
  const makePictures = (id: string) => services.vods.makePictures(id)
  await repair(found, { store, manifest, vods, makePictures, isForced: values.force })
  const left = (await look()).problems.filter(({ kind }) => kind !== 'pictures')
  console.log(left.length === 0 ? '\nMended.' : `\nProblems left: ${left.length}. Run it again.`)
  return left.length === 0 ? STATUS.right : STATUS.wrong
}

function print({ vods, segments, sizeBytes, problems }: Verified): void {
  const megabytes = (sizeBytes / 1e6).toFixed(1)
  console.log(`Videos: ${vods}, segments: ${segments} (${megabytes} MB), problems: ${problems.length}`)
  if (problems.length === 0) return
  const rows = problems.slice(0, SHOWN).map(each => [each.kind, each.key ?? each.vodId, each.detail])
  const widths = [0, 1].map(column => Math.max(...rows.map(row => row[column]!.length)))
  console.log()
  for (const [kind, what, detail] of rows)
    console.log(`  ${kind!.padEnd(widths[0]!)}  ${what!.padEnd(widths[1]!)}  ${detail}`)
  if (problems.length > SHOWN) console.log(`  and ${problems.length - SHOWN} more`)
  const counts = Object.entries(Object.groupBy(problems, ({ kind }) => kind))
  console.log(`\n${counts.map(([kind, some]) => `${some.length} ${kind}`).join(', ')}`)
}
