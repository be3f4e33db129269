/** What the tests use of s3rver, which comes without types. */
declare module 's3rver' {
  export interface Metadata {
    readonly [header: string]: string | number
  }

  export interface S3Object {
    readonly bucket: string
    readonly key: string
    content: NodeJS.ReadableStream
    range?: { start: number; end: number }
    readonly metadata: Metadata
  }

  export interface Store {
    getResourcePath(bucket: string, key: string, part: string): string
    getMetadata(bucket: string, key: string): Promise<Metadata>
    putMetadata(bucket: string, key: string, metadata: Metadata, md5: string): Promise<void>
    putObject(object: S3Object): Promise<{ size: number; md5: string }>
    getObject(bucket: string, key: string, range?: { start?: number; end?: number }): Promise<S3Object | null>
    deleteObject(bucket: string, key: string): Promise<void>
    listObjects(
      bucket: string,
      options: { prefix?: string | undefined; startAfter?: string | undefined; maxKeys: number },
    ): Promise<{ objects: S3Object[]; commonPrefixes: string[]; isTruncated: boolean }>
  }

  export default class S3rver {
    constructor(options: {
      address: string
      port: number
      silent: boolean
      directory: string
      vhostBuckets: boolean
      configureBuckets: { name: string; configs: string[] }[]
    })
    readonly store: Store
    run(): Promise<{ port: number }>
  }
}

declare module 's3rver/lib/models/object.js' {
  import type { Metadata, S3Object } from 's3rver'

  const Model: new (bucket: string, key: string, content: null, metadata: Metadata) => S3Object
  export default Model
}
