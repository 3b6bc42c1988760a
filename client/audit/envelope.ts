// The signed form of reports and attestations: a DSSE envelope (github.com/secure-systems-lab/dsse, v1) with ed25519.
import { createHash, createPrivateKey, createPublicKey, sign as signBytes, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { HillockError } from '../../domain/errors.ts'

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

/** @throws HillockError ConfigError when the file is not a private ed25519 key in PEM. */
export function readKey(file: string): KeyObject {
  const bad = (why: string): HillockError =>
    new HillockError(
      'ConfigError',
      `--key ${file}: ${why}; make one with: openssl genpkey -algorithm ed25519 -out ${file}`,
    )
  let key: KeyObject
  try {
    key = createPrivateKey(readFileSync(file))
  } catch (e) {
    throw bad((e as Error).message)
  }
  if (key.asymmetricKeyType !== 'ed25519') throw bad(`is a key of type ${key.asymmetricKeyType}, not ed25519`)
  return key
}

/** The key id is the sha256 of the public key (DER, SPKI). */
export function sign(type: string, text: string, key: KeyObject | undefined): Envelope {
  const payload = Buffer.from(text)
  const signatures = key
    ? [
        {
          keyid: createHash('sha256')
            .update(createPublicKey(key).export({ type: 'spki', format: 'der' }))
            .digest('hex'),
          sig: signBytes(null, preAuthentication(type, payload), key).toString('base64'),
        },
      ]
    : []
  return { payloadType: type, payload: payload.toString('base64'), signatures }
}
