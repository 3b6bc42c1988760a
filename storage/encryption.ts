// Encryption of what Temporal holds: its payloads by AES-256-GCM where HILLOCK_PAYLOAD_KEY has a key; histories are read with the same keys.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Payload, PayloadCodec } from '@temporalio/common'
import type * as Proto from '@temporalio/proto'
import { configError, HillockError } from '../domain/errors.ts'
import type { History } from '../domain/provenance/history.ts'
import { setting } from '../domain/settings.ts'

/** As Temporal's own samples name them, so that their codec servers read ours. */
const ENCODING = 'binary/encrypted'
const [KEY_ID, IV, TAG] = ['encryption-key-id', 12, 16]
const CIPHER = 'aes-256-gcm'

/** By their id, the beginning of their sha256; the first one encrypts, all decrypt. */
type Keys = ReadonlyMap<string, Buffer>

let known: { readonly from: string | undefined; readonly keys: Keys } = { from: undefined, keys: new Map() }

/** @throws HillockError ConfigError for a file that is not there, or holds something else */
function keys(): Keys {
  const from = setting('HILLOCK_PAYLOAD_KEY')
  if (known.from !== from) known = { from, keys: from === undefined ? new Map() : keysIn(from) }
  return known.keys
}

function keysIn(from: string): Keys {
  const wrong = (why: string): HillockError => configError(`HILLOCK_PAYLOAD_KEY ${why}`)
  const isKeys = (text: string): boolean => /^\s*[0-9a-f]{64}(\s+[0-9a-f]{64})*\s*$/i.test(text)
  let text = from
  if (!isKeys(from))
    try {
      text = readFileSync(from, 'utf8')
    } catch (e) {
      throw wrong(`is neither a key nor a file that can be read (${(e as NodeJS.ErrnoException).code}): name one`)
    }
  if (!isKeys(text)) throw wrong('names a file that is none of keys: each is a line of 64 hexadecimal digits')
  const each = text
    .trim()
    .split(/\s+/)
    .map(hex => Buffer.from(hex, 'hex'))
  return new Map(each.map(key => [createHash('sha256').update(key).digest('hex').slice(0, 8), key]))
}

/** Of the keys of this process, the one that encrypts first; none where it encrypts nothing. @throws HillockError ConfigError */
export const keyIds = (): string[] => [...keys().keys()]

/** Loads in a tenth of a second, which is spared where nothing is encrypted. */
const message = (): typeof Proto.temporal.api.common.v1.Payload =>
  (createRequire(import.meta.url)('@temporalio/proto') as typeof Proto).temporal.api.common.v1.Payload

function encrypt(payload: Payload): Payload {
  const [id, key] = [...keys()][0] ?? []
  if (id === undefined || key === undefined) return payload
  const iv = randomBytes(IV)
  const cipher = createCipheriv(CIPHER, key, iv)
  const sealed = [cipher.update(message().encode(payload).finish()), cipher.final()]
  return {
    metadata: { encoding: Buffer.from(ENCODING), [KEY_ID]: Buffer.from(id) },
    data: Buffer.concat([iv, ...sealed, cipher.getAuthTag()]),
  }
}

const textOf = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString()

/** As it is where it was not encrypted. @throws HillockError ConfigError without its key, MissingArtifact where it is damaged */
function decrypt(payload: Payload): Payload {
  const { metadata, data } = payload
  if (textOf(metadata?.['encoding']) !== ENCODING) return payload
  const id = textOf(metadata?.[KEY_ID])
  const key = keys().get(id)
  if (!key)
    throw configError(
      `what Temporal holds is encrypted with key ${id}, which this process does not have (${keyIds().join(', ') || 'none'}): add it to HILLOCK_PAYLOAD_KEY`,
    )
  const bytes = Buffer.from(data ?? [])
  try {
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV), { authTagLength: TAG }).setAuthTag(
      bytes.subarray(-TAG),
    )
    return message().decode(Buffer.concat([decipher.update(bytes.subarray(IV, -TAG)), decipher.final()]))
  } catch {
    throw new HillockError('MissingArtifact', `a payload that was encrypted with key ${id} is damaged or forged`)
  }
}

/** What an activity or workflow was given or told of itself, as the server answers it; undefined where there is nothing. */
export function valueOf(payloads: Payloads): unknown {
  const [first] = payloads?.payloads ?? []
  return first && (JSON.parse(textOf(decrypt(first).data)) as unknown)
}
type Payloads = { readonly payloads?: readonly Payload[] | null } | null | undefined

/** What it says, be it in the open or not. */
export const messageOf = ({ encodedAttributes, message }: Failure): string =>
  (encodedAttributes && (valueOf({ payloads: [encodedAttributes] }) as { message?: string }).message) || message || ''
interface Failure {
  readonly encodedAttributes?: Payload | null
  readonly message?: string | null
}

/** Of every client and worker: without a key it still says what is missing. */
export const payloadCodec: PayloadCodec = {
  encode: async payloads => payloads.map(encrypt),
  decode: async payloads => payloads.map(decrypt),
}

/** A payload in the JSON form of protobuf. */
type PayloadJson = Readonly<Record<string, unknown>>
const inJson =
  (change: (p: Payload) => Payload) =>
  (p: PayloadJson): PayloadJson =>
    message().toObject(message().fromObject(change(message().fromObject(p))), { bytes: String })
export const encryptJson = inJson(encrypt)
export const decryptJson = inJson(decrypt)

const ENCODED = Buffer.from(ENCODING).toString('base64')
const isEncrypted = (v: unknown): v is PayloadJson =>
  (v as { metadata?: Readonly<Record<string, unknown>> } | null)?.metadata?.['encoding'] === ENCODED

/** A history from its JSON, with all that is encrypted in it decrypted. @throws as decrypting does */
export const readHistory = (text: string): History =>
  (text.includes(ENCODED)
    ? JSON.parse(text, (_, v: unknown) => (isEncrypted(v) ? decryptJson(v) : v))
    : JSON.parse(text)) as History
