// Which Temporal is configured: TEMPORAL_* and the profiles of its TOML file, as Temporal's own tools read them.
import { existsSync } from 'node:fs'
import { loadClientConnectConfig } from '@temporalio/envconfig'
import type { NativeConnectionOptions } from '@temporalio/worker'
import { configError, type HillockError } from '../domain/errors.ts'
import { setting } from '../domain/settings.ts'

export interface TemporalConfig {
  readonly address: string
  readonly namespace: string
  readonly options: Pick<NativeConnectionOptions, 'apiKey' | 'tls' | 'metadata'>
}

/** As above; without an address none is configured, and the stack of this machine has its own. @throws HillockError ConfigError */
export function temporalConfig(): Omit<TemporalConfig, 'address'> & { readonly address?: string } {
  const wrong = (why: string): HillockError => configError(`the configuration of Temporal: ${why}`)
  const file = setting('TEMPORAL_CONFIG_FILE')
  if (file !== undefined && !existsSync(file)) throw wrong(`TEMPORAL_CONFIG_FILE is ${file}, which is not there`)
  const given = Object.fromEntries(Object.entries(process.env).filter(([, value]) => value)) as Record<string, string>
  let config: ReturnType<typeof loadClientConnectConfig>
  try {
    config = loadClientConnectConfig({ overrideEnvVars: given })
  } catch (e) {
    throw wrong((e as Error).message)
  }
  const { address, apiKey, tls, metadata } = config.connectionOptions
  const half = Object.keys(given).find(n => /^TEMPORAL_TLS_CLIENT_(CERT|KEY)_/.test(n))
  if (half !== undefined && typeof tls === 'object' && !tls?.clientCertPair)
    throw wrong(`${half} is set alone: a certificate and its key go together`)
  if (!address && (apiKey !== undefined || tls))
    throw wrong('a key or TLS is configured, but no address: set TEMPORAL_ADDRESS')
  const options = Object.fromEntries(Object.entries({ apiKey, tls, metadata }).filter(([, v]) => v !== undefined))
  return { ...(address && { address }), namespace: config.namespace || 'default', options }
}

/** @throws HillockError ConfigError where none is configured */
export function configuredTemporal(): TemporalConfig {
  const { address, ...rest } = temporalConfig()
  if (address === undefined)
    throw configError(
      'no Temporal is configured: set TEMPORAL_ADDRESS, or name a profile in TEMPORAL_PROFILE (docs/deploy.md); `hillock up` starts one of its own',
    )
  return { address, ...rest }
}

/** The page of Temporal's UI that a configured address most likely has. */
export const uiOf = (address: string): string =>
  setting('HILLOCK_TEMPORAL_UI') ??
  (/\.(tmprl\.cloud|temporal\.io):\d+$/.test(address)
    ? 'https://cloud.temporal.io'
    : `http://${address.replace(/:(\d+)$/, (_, port) => `:${Number(port) + 1000}`)}`)
