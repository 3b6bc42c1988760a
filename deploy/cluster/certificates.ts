// A CA of our own and certificates of it, for mutual TLS.
import { execFileSync } from 'node:child_process'

const CURVE = 'ec_paramgen_curve:P-256'

/** `ca.crt`, and `NAME.crt` with `NAME.key` signed by it for `at` (as `DNS:localhost`): of those in `expired`, valid no longer. */
export function certificates(
  folder: string,
  at: string,
  names: readonly string[],
  expired: readonly string[] = [],
): void {
  const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const key = (name: string): string[] => ['-newkey', 'ec', '-pkeyopt', CURVE, '-nodes', '-keyout', `${name}.key`]
  openssl('req', '-x509', ...key('ca'), '-out', 'ca.crt', '-days', '2', '-subj', '/CN=lab')
  for (const name of [...names, ...expired]) {
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${at}`]
    openssl('req', ...key(name), '-out', `${name}.csr`, ...subject)
    const days = expired.includes(name) ? '0' : '2'
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy', '-days', days]
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, ...signed)
  }
}
