// Connections to Temporal; why there is none is said in one line that names the setting, within seconds.
import { X509Certificate } from 'node:crypto'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Connection } from '@temporalio/client'
import { configError } from '../domain/errors.ts'
import { temporalConfig, type TemporalConfig } from './temporal-config.ts'

const LOOK_MS = 2500
const CONNECT_MS = 3000
/** Of the stack of this machine, which may just be starting its server again. */
const OWN_MS = 10_000

/** What a client of HTTP/2 says first: its preface, and settings of its own, none. */
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
])

/** A connection to `address`, with the key and certificates that are configured for it. @throws HillockError ConfigError where there is none */
export async function connectTo(address: string): Promise<Connection> {
  // Loaded by those alone who connect.
  const { Connection } = await import('@temporalio/client')
  const { address: configured, ...config } = temporalConfig()
  if (configured !== address) return Connection.connect({ address, connectTimeout: OWN_MS })
  const at: TemporalConfig = { address, ...config }
  const why = await whyNot(at)
  if (why !== undefined) throw configError(why)
  try {
    return await Connection.connect({ address, ...at.options, connectTimeout: CONNECT_MS })
  } catch (e) {
    throw refused(e, at)
  }
}

/** An error that gRPC brings from the server. */
const isAnswer = (e: Error): e is Error & { readonly code: unknown; readonly details: string } =>
  'code' in e && 'details' in e && typeof e.details === 'string'

/** What an answer of the server means for who has configured it. */
export function refused(e: unknown, { address, namespace, options }: TemporalConfig): Error {
  let at = e as Error
  while (!isAnswer(at) && at.cause instanceof Error) at = at.cause
  const code = isAnswer(at) ? Number(at.code) : undefined
  const said = isAnswer(at) ? at.details : at.message
  // PERMISSION_DENIED, UNAUTHENTICATED.
  if (code === 7 || code === 16)
    return configError(
      options.apiKey === undefined
        ? `Temporal at ${address} lets nobody into namespace ${namespace} with what is configured (${said}): set TEMPORAL_API_KEY, or the certificate of a client that may`
        : `Temporal at ${address} does not accept the API key for namespace ${namespace} (${said}): set another in TEMPORAL_API_KEY`,
    )
  return configError(`Temporal at ${address} does not answer as it should (${said})`)
}

/** Why nobody can be talked to there, in one line with what to do; undefined where somebody speaks HTTP/2. */
export async function whyNot({
  address,
  options,
}: Pick<TemporalConfig, 'address' | 'options'>): Promise<string | undefined> {
  const at = `TEMPORAL_ADDRESS is ${address}`
  const [, host, port = '7233'] = /^\[?([^\]/]+?)\]?(?::(\d+))?$/.exec(address) ?? []
  if (host === undefined) return `${at}, which is no HOST:PORT`
  const tls = options.tls === true ? {} : options.tls || undefined
  const pair = tls?.clientCertPair
  try {
    const expired = pair && new X509Certificate(pair.crt).validToDate
    if (expired && expired.getTime() < Date.now())
      return `the certificate in TEMPORAL_TLS_CLIENT_CERT_PATH has expired on ${expired.toISOString()}: have another made`
  } catch (e) {
    return `TEMPORAL_TLS_CLIENT_CERT_PATH holds no certificate in PEM (${(e as Error).message})`
  }
  const secure = {
    ...(tls?.serverRootCACertificate && { ca: Buffer.from(tls.serverRootCACertificate) }),
    ...(pair && { cert: Buffer.from(pair.crt), key: Buffer.from(pair.key) }),
    ...((tls?.serverNameOverride ?? !isIP(host)) && { servername: tls?.serverNameOverride ?? host }),
    ALPNProtocols: ['h2'],
  }
  let socket: Socket
  try {
    socket = tls ? connectTls({ host, port: Number(port), ...secure }) : connectTcp({ host, port: Number(port) })
  } catch (e) {
    return `the certificate or key of TEMPORAL_TLS_CLIENT_* does not load (${(e as Error).message})`
  }
  try {
    return await new Promise<string | undefined>(done => {
      socket.once(tls ? 'secureConnect' : 'connect', () => socket.write(PREFACE))
      socket.once('data', (bytes: Buffer) => done(spoken(bytes, at)))
      socket.once('error', (e: NodeJS.ErrnoException) => done(failed(e, at, tls !== undefined, pair !== undefined)))
      socket.once('close', () => done(`${at}, where ${tls ? CLOSED_TLS : CLOSED}`))
      socket.setTimeout(LOOK_MS, () => done(`${at}, where nothing answers: correct it, or start the server`))
    })
  } finally {
    socket.destroy()
  }
}

const CLOSED = 'the connection is closed at once: where TLS is spoken, set TEMPORAL_TLS=true or name certificates'
const CLOSED_TLS =
  'the connection is closed in the middle of TLS: the certificate of this client (TEMPORAL_TLS_CLIENT_CERT_PATH) may be missing or one that the server does not know'

/** The first frame of HTTP/2 is its settings, an alert of TLS begins with 21. */
function spoken(bytes: Buffer, at: string): string | undefined {
  if (bytes[3] === 4 && bytes[0] === 0) return undefined
  if (bytes[0] === 21) return `${at}, where TLS is spoken: set TEMPORAL_TLS=true, or name certificates`
  return `${at}, where something else than Temporal answers`
}

function failed(e: NodeJS.ErrnoException, at: string, tls: boolean, pair: boolean): string {
  const code = e.code ?? ''
  const says = `${at}, `
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `${says}but there is no such host: correct it`
  if (code === 'CERT_HAS_EXPIRED')
    return `${says}where the certificate of the server has expired: have it renewed there, or correct the clock of this machine`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `${says}where the certificate is for another name (${e.message}): set TEMPORAL_TLS_SERVER_NAME`
  if (/SELF_SIGNED|UNABLE_TO|CERT_UNTRUSTED/.test(code))
    return `${says}where nobody whom this machine trusts has signed the certificate: name the CA in TEMPORAL_TLS_SERVER_CA_CERT_PATH`
  if (/WRONG_VERSION|PACKET_LENGTH|INVALID_.*RECORD/.test(code))
    return `${says}where no TLS is spoken: unset TEMPORAL_TLS, TEMPORAL_API_KEY and certificates, or correct the address`
  if (/ALERT/.test(code))
    return pair
      ? `${says}where the certificate of TEMPORAL_TLS_CLIENT_CERT_PATH is not accepted (${code})`
      : `${says}where clients need a certificate: name it in TEMPORAL_TLS_CLIENT_CERT_PATH, its key in TEMPORAL_TLS_CLIENT_KEY_PATH`
  if (code === 'ECONNRESET') return `${says}where ${tls ? CLOSED_TLS : CLOSED}`
  return `${says}where no Temporal server answers (${e.message}): start it, correct the address, or unset it to have one of our own`
}
