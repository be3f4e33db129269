/** Speaks HTTP/2 over one TLS connection, whoever signed the certificate. */
import { connect } from 'node:http2'
import { waitFor } from './wait-for.ts'

export interface Http2Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

export interface Http2Client extends AsyncDisposable {
  /** What TLS agreed on: `h2`. */
  readonly protocol: string | undefined
  /** Requests run side by side on the one connection. `onData`: each piece when it comes. */
  get(path: string, onData?: (bytes: Buffer) => void): Promise<Http2Answer>
}

/** `origin`: `https://127.0.0.1:PORT`. */
export async function openHttp2(origin: string): Promise<Http2Client> {
  const session = connect(origin, { rejectUnauthorized: false })
  const { promise: connected, resolve, reject } = Promise.withResolvers<void>()
  session.once('connect', () => resolve()).on('error', reject)
  await connected
  return {
    protocol: session.alpnProtocol,
    get(path, onData) {
      const { promise, resolve, reject } = Promise.withResolvers<Http2Answer>()
      const stream = session.request({ ':path': path })
      const pieces: Buffer[] = []
      let headers: Http2Answer['headers'] = {}
      stream.on('response', received => {
        headers = received as Http2Answer['headers']
      })
      stream.on('data', (bytes: Buffer) => {
        pieces.push(bytes)
        onData?.(bytes)
      })
      stream.on('end', () =>
        resolve({ status: Number(headers[':status']), headers, body: Buffer.concat(pieces) }),
      )
      stream.on('error', reject)
      stream.end()
      return promise
    },
    async [Symbol.asyncDispose]() {
      session.destroy()
      await waitFor(() => session.destroyed, { message: 'the connection to end' })
    },
  }
}
