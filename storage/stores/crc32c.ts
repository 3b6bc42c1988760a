// CRC32C in the form in which Google Cloud Storage writes it: base64 of the big-endian sum, from native code.
import { crc32c } from '@node-rs/crc32'

export function crc32cBase64(bytes: Uint8Array): string {
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32c(bytes))
  return sum.toString('base64')
}
