// The signed form of reports and attestations: a DSSE envelope (github.com/secure-systems-lab/dsse, v1) with ed25519.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  sign as signBytes,
  verify as verifyBytes,
  type KeyObject,
} from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { configError, type HillockError } from '../../domain/errors.ts'

export interface Envelope {
  readonly payloadType: string
  /** Base64 of a document as JSON. */
  readonly payload: string
  /** None when there was no key. */
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[]
}

/** What is signed: type and payload with their lengths in bytes, so that neither can run into the other. */
const preAuthentication = (type: string, payload: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload])

/** @throws HillockError ConfigError when the file holds no such key. @param name what names the file, for people. */
function keyIn(file: string, name: string, parse: (pem: Buffer) => KeyObject): KeyObject {
  const bad = (why: string): HillockError =>
    configError(
      `${name} ${file}: ${why}; make a key with: openssl genpkey -algorithm ed25519 -out key.pem, its public half with: openssl pkey -in key.pem -pubout -out public.pem`,
    )
  let key: KeyObject
  try {
    // Reading a pipe or a device would wait without end.
    if (!statSync(file).isFile()) throw new Error('is not a file')
    key = parse(readFileSync(file))
  } catch (e) {
    throw bad((e as Error).message)
  }
  if (key.asymmetricKeyType !== 'ed25519') throw bad(`is a key of type ${key.asymmetricKeyType}, not ed25519`)
  return key
}

/** @throws HillockError ConfigError when the file is not a private ed25519 key in PEM. */
export const readKey = (file: string, name = '--key'): KeyObject => keyIn(file, name, createPrivateKey)

/** @throws HillockError ConfigError when the file is not a public (or private) ed25519 key in PEM. */
export const readPublicKey = (file: string): KeyObject => keyIn(file, '--key', pem => createPublicKey(pem))

/** sha256 of the public key (DER, SPKI). */
export const keyId = (publicKey: KeyObject): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')

export function sign(type: string, text: string, key: KeyObject | undefined): Envelope {
  const payload = Buffer.from(text)
  const signatures = key
    ? [
        {
          keyid: keyId(createPublicKey(key)),
          sig: signBytes(null, preAuthentication(type, payload), key).toString('base64'),
        },
      ]
    : []
  return { payloadType: type, payload: payload.toString('base64'), signatures }
}

/** What was signed. @throws Error when it is of another type, or no signature is one of this key. */
export function opened({ payloadType, payload, signatures }: Envelope, type: string, key: KeyObject): string {
  const bytes = Buffer.from(payload, 'base64')
  if (payloadType !== type) throw new Error(`is signed as ${payloadType}, not as ${type}`)
  const signed = preAuthentication(type, bytes)
  if (!signatures.some(s => verifyBytes(null, signed, key, Buffer.from(s.sig, 'base64'))))
    throw new Error('has no valid signature of this key')
  return bytes.toString()
}
