/** The error for bytes that break a format or a protocol: close that connection, nothing else. */

/** The peer sent something that the specification does not allow, or more than a limit allows. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}
