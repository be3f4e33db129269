/** The decoder configuration record that a real encoder makes. */
import { readFragmentedMp4 } from '../../support/fmp4-reader.ts'

/** What ffmpeg writes for three pictures of `size` by `settings`, its encoder's options. */
export async function encodedConfig(size: string, settings: readonly string[]): Promise<Uint8Array> {
  const source = ['-f', 'lavfi', '-i', `testsrc=s=${size}:r=30`, '-frames:v', '3']
  const output = ['-f', 'mp4', '-movflags', 'delay_moov+frag_every_frame+default_base_moof', 'pipe:1']
  const quiet = { stderr: 'ignore' } as const // SVT-AV1 talks on its own account
  const ffmpeg = Bun.spawn(['ffmpeg', '-v', 'error', '-nostdin', ...source, ...settings, ...output], quiet)
  const { tracks } = readFragmentedMp4(await new Response(ffmpeg.stdout).bytes())
  return tracks[0]!.config
}
