/** Makes certificates that no authority knows, for 127.0.0.1 and localhost. */
import { join } from 'node:path'

export interface SelfSigned {
  readonly certFile: string
  readonly keyFile: string
}

/** Writes `cert.pem` and `key.pem` for two days into `folder`; needs openssl. */
export async function selfSigned(folder: string, commonName = 'sluice.test'): Promise<SelfSigned> {
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
  const names = ['-subj', `/CN=${commonName}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const command = ['openssl', 'req', '-x509', ...key, '-out', certFile, '-days', '2', ...names]
  const { exitCode, stderr } = Bun.spawnSync(command)
  if (exitCode !== 0) throw new Error(`openssl failed: ${stderr.toString()}`)
  return { certFile, keyFile }
}
