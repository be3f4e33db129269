/** Builds what browsers load, once and in memory: hashed names, so that each file may be cached for ever. */
import { gzipSync } from 'bun'

/** One file as it goes over the wire. */
export interface Asset {
  readonly body: Uint8Array<ArrayBuffer>
  readonly gzipped: Uint8Array<ArrayBuffer> | undefined
  readonly contentType: string
  /** A strong entity tag, with its quotes. */
  readonly etag: string
}

export interface Bundle {
  /** By path: `/assets/main-1a2b3c.js`. */
  readonly assets: ReadonlyMap<string, Asset>
  readonly scriptPath: string
  /** What the script imports first. */
  readonly sharedScriptPath: string
  readonly stylePath: string
  readonly iconPath: string
}

const contentTypes: Record<string, string> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}

/** Throws when the pages do not build. */
export async function buildBundle(): Promise<Bundle> {
  const result = await Bun.build({
    entrypoints: [`${import.meta.dir}/main.tsx`],
    target: 'browser',
    format: 'esm',
    splitting: true,
    minify: true,
    naming: { entry: '[name]-[hash].[ext]', chunk: 'part-[name]-[hash].[ext]', asset: '[name]-[hash].[ext]' },
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  const assets = new Map<string, Asset>()
  for (const output of result.outputs)
    assets.set(
      `/assets/${output.path.replace(/^.*\//, '')}`,
      asset(new Uint8Array(await output.arrayBuffer()), output.path),
    )
  const icon = await Bun.file(`${import.meta.dir}/icon.svg`).bytes()
  const iconPath = `/assets/icon-${hashOf(icon)}.svg`
  assets.set(iconPath, asset(icon, iconPath))
  const paths = [...assets.keys()]
  const find = (form: RegExp) => paths.find(path => form.test(path)) ?? missing(form)
  return {
    assets,
    scriptPath: find(/\/main-.*\.js$/),
    sharedScriptPath: find(/\/part-main-.*\.js$/),
    stylePath: find(/\/main-.*\.css$/),
    iconPath,
  }
}

/** Text is kept compressed too, where that makes it smaller. */
export function asset(body: Uint8Array<ArrayBuffer>, path: string): Asset {
  const gzipped = gzipSync(body)
  return {
    body,
    gzipped: gzipped.byteLength < body.byteLength ? gzipped : undefined,
    contentType: contentTypes[path.slice(path.lastIndexOf('.') + 1)] ?? 'text/html; charset=utf-8',
    etag: `"${hashOf(body)}"`,
  }
}

function hashOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher('sha256').update(bytes).digest('hex').slice(0, 16)
}

function missing(form: RegExp): never {
  throw new Error(`the pages were built without ${form}`)
}
