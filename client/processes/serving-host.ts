// Where releases may be served: on this machine always, to others once somebody can be told apart from anybody.
import { configError } from '../../domain/errors.ts'
import { setting } from '../../domain/settings.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { anyToken } from '../../storage/tokens.ts'

export const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

export const isLoopback = (host: string): boolean => LOOPBACK.test(host) || host === '::1'

/** @throws HillockError ConfigError for a host that other machines reach while there is neither a token nor an issuer of them */
export async function checkHost(objects: ObjectStore, host: string): Promise<void> {
  if (isLoopback(host) || setting('HILLOCK_OIDC_ISSUER') || (await anyToken(objects))) return
  throw configError(
    `other machines reach ${host}, and nobody has a token yet: make one first (\`hillock token make NAME --role admin\`), or name an issuer (HILLOCK_OIDC_ISSUER); on 127.0.0.1 it is reached from elsewhere by \`ssh -L PORT:127.0.0.1:PORT\` (docs/access.md)`,
  )
}
