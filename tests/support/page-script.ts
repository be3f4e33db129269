/** Makes a page's script out of the TypeScript in page/. */
import { join } from 'node:path'

const scripts = new Map<string, Promise<string>>()

/** Bundles page/NAME.ts with all it imports into one plain script, once for this process. */
export function pageScript(name: 'observer' | 'player'): Promise<string> {
  let script = scripts.get(name)
  if (!script) {
    script = bundle(join(import.meta.dir, 'page', `${name}.ts`))
    scripts.set(name, script)
  }
  return script
}

async function bundle(path: string): Promise<string> {
  const { outputs } = await Bun.build({ entrypoints: [path], target: 'browser', format: 'iife' })
  const [output] = outputs
  if (!output) throw new Error(`${path} made no script`)
  return output.text()
}
