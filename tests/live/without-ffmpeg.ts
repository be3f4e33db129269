/** A program for a test: converts sound on a machine that has no ffmpeg, and says how that goes. */
import { openOpusRun } from '../../src/live/opus-run.ts'
import { Transcoder } from '../../src/live/transcoder.ts'
import { createLog } from '../../src/log.ts'
import { audio, audioUnit } from './tracks.ts'

const transcoder = new Transcoder({
  name: 'opus',
  openRun: () => openOpusRun(audio),
  onUnit: () => console.log('sound'),
  onTrouble: trouble => console.log(`trouble: ${trouble?.message}`),
  log: createLog('silent'),
})
for (let index = 0; index < 100; index++) {
  transcoder.write(audioUnit(index * 20))
  await Bun.sleep(5)
}
await transcoder.close()
console.log('still running')
